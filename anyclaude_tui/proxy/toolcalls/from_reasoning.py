"""The call that ends a reply's reasoning, where the reply has nothing else.

Pure. Servers that take everything up to a missing closing mark for reasoning swallow the
call behind it. A call that is only mentioned does not stand at the end.
"""

from __future__ import annotations

from anyclaude_tui.proxy.toolcalls.from_text import TextCalls
from anyclaude_tui.proxy.toolcalls.validation import Call, Toolbox

MAX_CHARS = 256 * 1024


def last_calls(reasoning: str, toolbox: Toolbox) -> list[Call]:
    """The whole, valid calls of offered tools with which `reasoning` ends; mostly none."""
    if not toolbox.names:
        return []
    finder = TextCalls(toolbox)
    finder.reasoned = True
    pieces = finder.feed(reasoning[-MAX_CHARS:])
    pieces += finder.end(cut=False)
    found: list[Call] = []
    for kind, piece in reversed(pieces):
        if kind == "call" and piece.valid and not piece.repaired:
            found.insert(0, piece)
        elif kind != "text" or not piece.isspace():
            break
    return found
