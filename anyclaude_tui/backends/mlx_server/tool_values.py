"""mlx_lm's readers of GLM's and MiniMax's calls, with the text of values as the model wrote it.

Both strip white space at the ends of each value, so that an edit of an indented line, or a file
that ends with a line end, would be another one; both end a value at the first closing tag in it,
and MiniMax's takes the text `null` for no value (mlx_lm 0.32.2). Names and types stay mlx_lm's.
Pure.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from typing import Any

Reader = Callable[[str, Any], Any]
Calls = Callable[[str], list[tuple[str, dict[str, str]]]]

_GLM_NAME = re.compile(r"\A\s*([^\s<]+)\s*<arg_key>")
_GLM = re.compile(
    r"<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)</arg_value>(?=\s*(?:<arg_key>|\Z))", re.DOTALL
)
_MINIMAX_CALL = re.compile(
    r"<invoke name=[\"']?(.*?)[\"']?>(.*?)</invoke>(?=\s*(?:<invoke name=|\Z))", re.DOTALL
)
_MINIMAX = re.compile(
    r"<parameter name=[\"']?([^>]*?)[\"']?>(.*?)</parameter>(?=\s*(?:<parameter name=|\Z))",
    re.DOTALL,
)
MODULES = ("glm47", "minimax_m2")
"""The readers that are replaced, by their names in `mlx_lm.tool_parsers`."""


def problem(module: Any) -> str:
    """The reason why this is not a reader of mlx_lm's that is known here; "" when it is."""
    read = getattr(module, "parse_tool_call", None)
    if read is None or list(inspect.signature(read).parameters) != ["text", "tools"]:
        return f"{getattr(module, '__name__', module)}.parse_tool_call is not the one that is known"
    return ""


def install(module: Any) -> None:
    """Put our reader in the place of a module's."""
    module.parse_tool_call = reader(module.parse_tool_call, calls_of(module))


def calls_of(module: Any) -> Calls:
    """The finder of the names and values of the calls that this module reads."""
    return _glm_calls if module.__name__.endswith("glm47") else _minimax_calls


def reader(theirs: Reader, calls: Calls) -> Reader:
    """Their reader, but with the texts that `calls` finds."""

    def parse_tool_call(text: str, tools: Any = None) -> Any:
        parsed = theirs(text, tools)
        many = parsed if isinstance(parsed, list) else [parsed]
        written = calls(text)
        if [name for name, _ in written] != [str(one.get("name")).strip() for one in many]:
            return parsed
        for one, (name, values) in zip(many, written, strict=True):
            texts = _texts(tools, name)
            one["name"], was = name, one["arguments"]
            one["arguments"] = {
                key: _trimmed(value)
                if key in texts or isinstance(was.get(key), str)
                else was.get(key, value)
                for key, value in values.items()
            }
        return parsed

    return parse_tool_call


def _glm_calls(text: str) -> list[tuple[str, dict[str, str]]]:
    name = _GLM_NAME.match(text)
    values = {key.strip(): value for key, value in _GLM.findall(text)}
    return [(name[1], values)] if name and values else []


def _minimax_calls(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(name, dict(_MINIMAX.findall(inner))) for name, inner in _MINIMAX_CALL.findall(text)]


def _texts(tools: Any, name: str) -> set[str]:
    """The arguments of a tool that are texts and nothing else."""
    for tool in tools or ():
        function = tool.get("function") or {}
        if function.get("name") == name:
            members = (function.get("parameters") or {}).get("properties") or {}
            return {key for key, one in members.items() if one.get("type") == "string"}
    return set()


def _trimmed(text: str) -> str:
    """The value without the line ends that models put around one."""
    both = text.startswith("\n") and text.endswith("\n") and len(text) > 1
    return text[1:-1] if both else text
