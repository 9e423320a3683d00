"""Tools and tool_choice: Anthropic's → the backend's nearest.

Pure. Server tools (web_search_*, code_execution, …) run on Anthropic's servers: they are
filtered with a notice, never forwarded (`docs/protocol/messages.md`, "Server tools").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.errors import invalid
from anyclaude_tui.proxy.request.content_blocks import Context

PLACEHOLDER = "DeferredToolPlaceholder"
"""Claude Code 2.1.329 and later send it for tools that they load on demand (`ToolSearch`); it is
no tool. Those that are loaded have `defer_loading` and stand in the alphabet's order, so that each
load would change the prompt near its front (`docs/protocol/claude-code.md`, "Loaded tools")."""


@dataclass(slots=True)
class Offer:
    """The tools that go upstream, and the parameters about them."""

    tools: list[dict[str, Any]] = field(default_factory=list)
    """OpenAI function tools, in the client's order; those loaded on demand last, in the order of
    their loading, if they do not stand in the results of it."""
    schemas: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Name → input_schema of the tools that the model may call now."""
    members: dict[str, Any] = field(default_factory=dict)
    """`tool_choice`."""
    instruction: str = ""
    """Said in the prompt where the backend has no parameter for it."""
    single_call: bool = False
    """The client wants at most one call: few servers can be told so, the proxy sees to it."""


@dataclass(frozen=True, slots=True)
class Offered:
    """An offer made of a list of tools, and its basis."""

    given: Any
    """The list itself: another one with the same in it is not looked at."""
    basis: tuple[Any, ...]
    """All else that it depends on."""
    offer: Offer
    left_out: tuple[str, ...]
    notices: tuple[str, ...]
    encoded: bytes
    """The tools as JSON."""


OFFERS_KEPT = 4
"""The main conversation's, and its subagents'."""


def offer(tools: Any, choice: Any, context: Context) -> Offer:
    """The offer made of the request's `tools` and `tool_choice`. Raises ApiError."""
    made = Offer()
    filtered = _read_tools(tools, made, context)
    if not made.tools:
        return made
    if choice is not None and not isinstance(choice, Mapping):
        raise invalid("tool_choice: Input should be an object")
    choice = choice or {}
    kind = choice.get("type", "auto")
    if kind == "tool":
        _choose_tool(choice.get("name"), filtered, made, context)
    elif kind == "any":
        _require(made, context)
    elif kind == "none":
        made.schemas = {}
        if context.dialect.tool_choice == "ignored":
            made.tools = []
        else:
            made.members["tool_choice"] = "none"
    elif kind != "auto":
        raise invalid("tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'")
    made.single_call = choice.get("disable_parallel_tool_use") is True
    return made


def count_tools(tools: Any) -> int:
    """The number of tools in a request, without the placeholder."""
    return sum(
        not (isinstance(tool, Mapping) and tool.get("name") == PLACEHOLDER)
        for tool in (tools if isinstance(tools, list) else ())
    )


def _read_tools(tools: Any, made: Offer, context: Context) -> set[str]:
    """Fill in the tools; the names of those that were left out come back."""
    filtered: set[str] = set()
    if tools is None:
        return filtered
    if not isinstance(tools, list):
        raise invalid("tools: Input should be a valid list")
    late: dict[str, dict[str, Any]] = {}
    for number, tool in enumerate(tools):
        where = f"tools.{number}"
        if not isinstance(tool, Mapping):
            raise invalid(f"{where}: Input should be an object")
        kind, name = tool.get("type"), tool.get("name")
        if name == PLACEHOLDER:
            continue
        schema = tool.get("input_schema")
        if kind not in (None, "custom") and not isinstance(schema, Mapping):
            context.note(f"server tool {name or kind} left out")
            filtered.add(str(name))
            continue
        if not isinstance(name, str) or not name:
            raise invalid(f"{where}.name: Field required")
        if not isinstance(schema, Mapping):
            raise invalid(f"{where}.input_schema: Field required")
        if name in made.schemas:
            raise invalid("tools: Tool names must be unique.")
        made.schemas[name] = schema
        if context.dialect.plain_schemas:
            schema = plain_schema(schema)
        function = _function(name, tool.get("description"), schema)
        if tool.get("defer_loading") is not True:
            made.tools.append(function)
        elif name not in context.loaded:
            late[name] = function
    made.tools += (late[name] for name in sorted(late, key=_rank(context.order)))
    return filtered


def _rank(order: Sequence[str]) -> Callable[[str], int]:
    places = {name: place for place, name in reversed(list(enumerate(order)))}
    return lambda name: places.get(name, len(places))


def order_of_loading(messages: Any) -> tuple[str, ...]:
    """The names of the tools that a conversation has loaded, the first one first."""
    return tuple(dict.fromkeys(_references(messages)))


def loaded_tools(tools: Any, order: Sequence[str], dialect: Dialect) -> dict[str, str]:
    """The tools that stand in the results of their loading, by name, in the form that ToolSearch
    promises its caller: `<functions><function>{…}</function></functions>`."""
    if dialect.late_tools != "result" or not isinstance(tools, list):
        return {}
    found: dict[str, str] = {}
    for tool in tools:
        if not isinstance(tool, Mapping) or tool.get("defer_loading") is not True:
            continue
        name, schema = tool.get("name"), tool.get("input_schema")
        if isinstance(name, str) and name in order and isinstance(schema, Mapping):
            function = _function(name, tool.get("description"), schema)["function"]
            text = msgspec.json.encode(function).decode()
            found[name] = f"<functions>\n<function>{text}</function>\n</functions>"
    return found


def _references(blocks: Any) -> Iterator[str]:
    for block in blocks if isinstance(blocks, list) else ():
        if not isinstance(block, Mapping):
            continue
        if block.get("type") == "tool_reference":
            yield str(block.get("tool_name"))
        else:
            yield from _references(block.get("content"))


_REFINEMENTS = frozenset(
    {"pattern", "format", "minLength", "maxLength", "minItems", "maxItems", "patternProperties"}
)
_HOLDS_SCHEMAS = frozenset({"properties", "$defs", "definitions", "dependentSchemas"})
"""Their members are schemas under names of the tool's own, which may be called as the above."""
_VALUES = frozenset({"enum", "const", "default", "examples", "required"})


def plain_schema(schema: Any) -> Any:
    """A schema without what grammars stumble over; what comes back is still checked whole."""
    if isinstance(schema, list):
        return [plain_schema(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    plain: dict[str, Any] = {}
    for key, value in schema.items():
        if key in _HOLDS_SCHEMAS and isinstance(value, Mapping):
            plain[key] = {name: plain_schema(one) for name, one in value.items()}
        elif key not in _REFINEMENTS:
            plain[key] = value if key in _VALUES else plain_schema(value)
    return plain


def _function(name: str, description: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
    function: dict[str, Any] = {"name": name}
    if isinstance(description, str) and description:
        function["description"] = description
    # `$schema` tells the model nothing, and some grammars stumble over it.
    parameters = {key: value for key, value in schema.items() if key != "$schema"}
    parameters.setdefault("type", "object")
    parameters.setdefault("properties", {})
    function["parameters"] = parameters
    return {"type": "function", "function": function}


def _choose_tool(name: Any, filtered: set[str], made: Offer, context: Context) -> None:
    """One tool must be called."""
    if name in filtered:
        context.note(f"tool_choice {name} left out: it is a server tool")
        return
    if not isinstance(name, str) or name not in made.schemas:
        raise invalid(f"tool_choice: Tool '{name}' not found in provided tools")
    made.schemas = {name: made.schemas[name]}
    if context.dialect.tool_choice == "object":
        made.members["tool_choice"] = {"type": "function", "function": {"name": name}}
        return
    # Without the object form the sure way is to offer nothing else.
    context.note(f"tool_choice {name}: only this tool is offered")
    made.tools = [tool for tool in made.tools if tool["function"]["name"] == name]
    _require(made, context)


def _require(made: Offer, context: Context) -> None:
    if context.dialect.tool_choice == "ignored":
        context.note("tool_choice: asked for in the prompt, the backend has no parameter for it")
        what = next(iter(made.schemas)) if len(made.schemas) == 1 else "one of the tools"
        made.instruction = f"[Answer with a call of {what}.]"
    else:
        made.members["tool_choice"] = "required"
