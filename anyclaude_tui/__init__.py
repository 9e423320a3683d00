"""anyclaude-tui: Claude Code on local models, in one dashboard that says why it is slow."""

import sys
from types import ModuleType

__version__ = "0.1.0"


def _leave_out_the_command_line_of_httpx() -> None:
    """`import httpx` (0.28) imports its command line, and with it click, Rich and Pygments: 6 MB
    and four fifths of its time. Ours uses none of it; where it has another name nothing is lost."""
    nothing = ModuleType("httpx._main")
    setattr(nothing, "main", _leave_out_the_command_line_of_httpx)  # noqa: B010
    sys.modules.setdefault(nothing.__name__, nothing)


_leave_out_the_command_line_of_httpx()
