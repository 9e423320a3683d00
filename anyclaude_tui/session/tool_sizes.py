"""The cost of each tool of a request, those left out included: bytes, and tokens where the model's
own tokenizer is at hand. Pure but for reading that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.figures import UNKNOWN, Figure, estimated, measured
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.content_blocks import Context
from anyclaude_tui.proxy.request.local_tokenizer import count_locally
from anyclaude_tui.proxy.request.tools import offer


@dataclass(frozen=True, slots=True)
class ToolSize:
    """One tool of the client's."""

    name: str
    size_bytes: int
    """As JSON, as it goes upstream or would."""
    tokens: Figure = UNKNOWN
    """As the model's chat template renders it; unknown without its tokenizer."""
    left_out: bool = False
    """It did not go upstream: the user leaves it out."""


def tool_sizes(
    upstream: Mapping[str, Any],
    body: Mapping[str, Any],
    left_out: Collection[str],
    tokenizer_dir: str | None = None,
) -> tuple[ToolSize, ...]:
    """The tools of a request that went upstream as `upstream`, in that order, then those that
    were left out of it. Blocks where there is a tokenizer: for a worker thread."""
    sent = [(tool, False) for tool in _tools(upstream)]
    native = "system" in upstream or any("input_schema" in tool for tool, _ in sent)
    out = [tool for tool in _tools(body) if tool.get("name") in left_out]
    sent += [(tool if native else _translated(tool), True) for tool in out]
    counted = None if native else tokenizer_dir
    return tuple(
        ToolSize(_name(tool), len(msgspec.json.encode(tool)), _tokens(tool, counted), left)
        for tool, left in sent
    )


def _tools(request: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    given = request.get("tools")
    for tool in given if isinstance(given, list) else []:
        if isinstance(tool, Mapping):
            yield tool


def _name(tool: Mapping[str, Any]) -> str:
    function = tool.get("function", tool)
    return str(function.get("name", "?")) if isinstance(function, Mapping) else "?"


def _translated(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool of the client's as chat completions have it."""
    made = offer([tool], None, Context(Dialect(), CallMemory())).tools
    return made[0] if made else tool


def _tokens(tool: Mapping[str, Any], tokenizer_dir: str | None) -> Figure:
    """The tokens by which the prompt grows when this tool is beside another one."""
    if tokenizer_dir is None:
        return UNKNOWN
    body = {"messages": [{"role": "user", "content": "."}]}
    one = count_locally(tokenizer_dir, {**body, "tools": [tool]})
    two = count_locally(tokenizer_dir, {**body, "tools": [tool, tool]})
    if one is None or two is None:
        return UNKNOWN
    tokens = two.tokens - one.tokens
    return measured(tokens) if one.exact and two.exact else estimated(tokens)
