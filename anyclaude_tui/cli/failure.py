"""A command's failure: for all commands, and for the command line that shows it."""

from __future__ import annotations


class Failed(Exception):
    """The command failed; the text says what to do next. `code` is the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code
