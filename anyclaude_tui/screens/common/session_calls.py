"""The wait of a screen for a command to the session."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """The outcome of a command: its value, or why there is none."""

    value: T | None = None
    problem: str = ""
    """The reason why it failed, in the words of the error."""
    cancelled: bool = False

    @property
    def done(self) -> bool:
        """True if the session did it."""
        return not self.problem and not self.cancelled


async def answer(future: Future[T]) -> Answer[T]:
    """Wait for a command. Nothing is raised: not its error, and not that it, or this wait for
    it, was cancelled (which cancels the command too)."""
    try:
        value: T = await asyncio.wrap_future(future)
    except asyncio.CancelledError:
        return Answer(cancelled=True)
    except Exception as error:
        return Answer(problem=str(error) or repr(error))
    return Answer(value)
