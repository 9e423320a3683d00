"""The installed programs that serve models, and the way to install those that are missing."""

from __future__ import annotations

from anyclaude_tui.backends.base import Tool
from anyclaude_tui.backends.registry import class_of
from anyclaude_tui.config.kinds import KINDS


def find_tools() -> list[Tool]:
    """The tools of every kind, in the order in which they are preferred. Blocks a little."""
    return [tool for row in KINDS.values() for tool in class_of(row).tools()]


def engine_for(model_format: str, tools: list[Tool]) -> tuple[str, Tool | None]:
    """The kind that is started with a model of this format, and its tool where that is missing.

    The first one installed, else the first that there is; "" where no kind reads the format.
    """
    able = [row.name for row in KINDS.values() if row.model_format == model_format]
    fitting = [tool for tool in tools if tool.kind in able]
    here = next((tool for tool in fitting if tool.where), None)
    if here is not None:
        return here.kind, None
    return (fitting[0].kind, fitting[0]) if fitting else (next(iter(able), ""), None)
