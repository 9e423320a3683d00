"""The message to the user after a fault of our own; the traceback, whose values may hold secrets,
is in the log alone."""

from __future__ import annotations

from anyclaude_tui.session.client import SessionClient
from anyclaude_tui.widgets.format import home_relative


def crash(error: Exception, client: SessionClient) -> str:
    """The dashboard has ended."""
    return (
        f"anyclaude-tui ended by a fault of its own ({type(error).__name__}). Please report it "
        f"with the end of {_log(client)}. Start it again; Claude Code has kept the conversation "
        "(/resume)."
    )


def pane_fault(client: SessionClient) -> str:
    """Something in the pane was left out."""
    words = "Something in the pane failed and was left out; the rest goes on. The log has it:"
    return f"{words} {_log(client)}"


def _log(client: SessionClient) -> str:
    return home_relative(str(client.home / "server-logs" / "proxy.log"))
