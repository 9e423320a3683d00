"""Sampling, limits, thinking and output format: Anthropic's → the backend's nearest.

Pure. Only what is written here goes upstream, and only where the dialect allows it: an
unknown or odd parameter can kill a server (`docs/protocol/mlx-lm.md`, "Requests"). Nulls are
omitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates.switches import EFFORTS, KEEP_THINKING
from anyclaude_tui.proxy.errors import invalid
from anyclaude_tui.proxy.request.content_blocks import Context
from anyclaude_tui.proxy.wire.safe_json import canonical_json

_UPSTREAM_STOPS = 4
"""OpenAI's limit for `stop`; more are done by the proxy."""

_EFFORTS = {"minimal": "low", "low": "low", "medium": "medium", "high": "high"}
"""Anything above (xhigh, max) is high."""


@dataclass(slots=True)
class Parameters:
    """The members that go upstream besides messages and tools."""

    members: dict[str, Any] = field(default_factory=dict)
    stop_sequences: tuple[str, ...] = ()
    """Those that the proxy must do itself."""
    thinking: bool = False
    instruction: str = ""
    """Said in the prompt where the backend has no parameter for it."""


def parameters(body: Mapping[str, Any], context: Context) -> Parameters:
    """The parameters of a request. Raises ApiError for a value that cannot be."""
    dialect = context.dialect
    made = Parameters()
    members = made.members
    max_tokens = _max_tokens(body.get("max_tokens"), dialect)
    if max_tokens is not None:
        members["max_tokens"] = max_tokens
    for name, low, high in (("temperature", 0.0, 2.0), ("top_p", 0.0, 1.0)):
        value = _number(body.get(name), name, low, high)
        if value is not None:
            members[name] = value
    top_k = body.get("top_k")
    if top_k is not None:
        if not _is_int(top_k):
            raise invalid("top_k: Input should be a valid integer")
        if dialect.top_k and top_k > 0:
            members["top_k"] = top_k
        elif top_k > 0:
            context.note("top_k left out: the backend has none")
    _stops(body.get("stop_sequences"), made, dialect)
    output = body.get("output_config")
    output = output if isinstance(output, Mapping) else {}
    _thinking(body.get("thinking"), output.get("effort"), made, dialect)
    _format(output.get("format") or body.get("output_format"), made, context)
    return made


def _max_tokens(value: Any, dialect: Dialect) -> int | None:
    if value is None:
        return None
    if not _is_int(value):
        raise invalid("max_tokens: Input should be a valid integer")
    if value < 1:
        raise invalid("max_tokens: Input should be greater than or equal to 1")
    cap = dialect.max_tokens_cap
    return int(value) if cap is None else min(int(value), cap)


def _number(value: Any, name: str, low: float, high: float) -> float | int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise invalid(f"{name}: Input should be a valid number")
    if not low <= value <= high:
        raise invalid(f"{name}: range: {low:g}..{high:g}")
    return value


def _stops(value: Any, made: Parameters, dialect: Dialect) -> None:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(stop, str) for stop in value):
        raise invalid("stop_sequences: Input should be a list of strings")
    stops = tuple(dict.fromkeys(stop for stop in value if stop))
    if dialect.stop and stops:
        made.members["stop"] = list(stops[:_UPSTREAM_STOPS])
        stops = stops[_UPSTREAM_STOPS:]
    made.stop_sequences = stops


def _thinking(thinking: Any, effort: Any, made: Parameters, dialect: Dialect) -> None:
    """Thinking on or off, and how hard. No `thinking` means none, as in the Messages API."""
    thinking = thinking if isinstance(thinking, Mapping) else {}
    made.thinking = thinking.get("type") in ("enabled", "adaptive")
    if dialect.enable_thinking:
        switches = dialect.thinking_on if made.thinking else dialect.thinking_off
        kwargs = {**switches, **KEEP_THINKING}
        name, levels = dialect.effort_switch
        if name and levels and made.thinking:
            kwargs[name] = _nearest(effort, levels)
        made.members["chat_template_kwargs"] = kwargs
    if not dialect.reasoning_effort:
        return
    # Claude Code goes on sending an effort where its user has turned thinking off.
    level: str = dialect.reasoning_off
    if made.thinking and isinstance(effort, str):
        level = _EFFORTS.get(effort, "high")
    elif made.thinking:
        level = _effort_of_budget(thinking.get("budget_tokens"))
    made.members["reasoning_effort"] = level


def _nearest(effort: Any, levels: tuple[str, ...]) -> str:
    """Claude Code's effort among a template's own levels; one that it lacks is the next lower,
    and the least where there is none."""
    wanted = EFFORTS.index(effort) if effort in EFFORTS else EFFORTS.index("high")
    fitting = [level for level in levels if EFFORTS.index(level) <= wanted]
    return max(fitting or levels[:1], key=EFFORTS.index)


def _effort_of_budget(budget: Any) -> str:
    if not _is_int(budget) or budget >= 16_000:
        return "high"
    return "medium" if budget >= 4_000 else "low"


def _format(wanted: Any, made: Parameters, context: Context) -> None:
    """A JSON schema for the output: as a parameter, else asked for in the prompt."""
    if not isinstance(wanted, Mapping) or wanted.get("type") != "json_schema":
        return
    schema = wanted.get("schema")
    if not isinstance(schema, Mapping):
        raise invalid("output_config.format.schema: Field required")
    if context.dialect.json_schema:
        made.members["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "output", "strict": True, "schema": schema},
        }
        return
    context.note("output format: asked for in the prompt, the backend has no parameter for it")
    made.instruction = (
        f"[Answer with nothing but JSON that is valid under this schema: {canonical_json(schema)}]"
    )


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
