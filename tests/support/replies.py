"""What a scripted model server does with one request: the steps of a reply, and its faults.

Reply(text("Hel"), wait(0.1), text("lo"), ending())   # well
Reply(text("Hel"), when(lambda: seen), text("lo"))    # well, the rest once `seen` holds
Reply(CUT)                                            # cut before the headers
Reply(HEADERS, STALL)                                 # silent after the headers
Reply(text("Hel"), RESET)                             # RST in the text
Reply(text("Hello"), segment=1, newline="\r\n")       # every byte its own segment
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal

from tests.support import wire


class Fault(Enum):
    """What can happen between two pieces of a reply."""

    HEADERS = "send the response head now"
    CUT = "close the connection (FIN), in the middle of the body"
    RESET = "reset the connection (RST)"
    STALL = "say nothing more until the client leaves"


HEADERS, CUT, RESET, STALL = Fault.HEADERS, Fault.CUT, Fault.RESET, Fault.STALL


@dataclass(frozen=True, slots=True)
class Wait:
    """A pause of `seconds`."""

    seconds: float


@dataclass(frozen=True, slots=True)
class When:
    """A pause until the condition holds."""

    condition: Callable[[], object]


Step = bytes | Fault | Wait | When | asyncio.Event
Steps = Step | Iterable["Steps"]


def wait(seconds: float) -> Wait:
    """A pause; an `asyncio.Event` as a step waits until the test sets it."""
    return Wait(seconds)


def when(condition: Callable[[], object]) -> When:
    """A pause until the condition holds: two pieces that the other side has read one by one.

    A `wait` does not say that much: a reader that is held up longer finds both at once.
    """
    return When(condition)


class Reply:
    """What one request gets. Steps may be nested and lazy (a generator for a flood).

    `framing` is how the end of the body is told: `chunked` (HTTP/1.1), `close` (HTTP/1.0, as
    mlx_lm) or `length` (Content-Length, for error bodies and whole JSON answers; a `CUT` in it
    ends short of the length). `segment` splits everything on the wire, framing too, into pieces
    of that many bytes; `rate` limits to bytes per second; `newline` replaces each LF.
    """

    def __init__(
        self,
        *steps: Steps,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = "text/event-stream",
        framing: Literal["chunked", "close", "length"] = "chunked",
        segment: int | None = None,
        rate: int | None = None,
        newline: str = "\n",
    ) -> None:
        self.steps = steps
        self.status = status
        self.headers = dict(headers or {})
        self.content_type = content_type
        self.framing = framing
        self.segment = segment
        self.rate = rate
        self.newline = newline.encode()

    def flat(self) -> Iterator[Step]:
        """The steps, one after the other."""
        return _flatten(self.steps)


def say(*pieces: str, **options: Any) -> Reply:
    """A good answer in plain text."""
    return Reply(wire.text(*pieces), wire.ending(), **options)


def use(name: str, arguments: Mapping[str, Any], *, id: str = "call_1", **options: Any) -> Reply:
    """A good answer that is one tool call."""
    return Reply(wire.call(name, arguments, id=id), wire.ending("tool_calls"), **options)


def fail(status: int, body: Mapping[str, Any] | str, **headers: str) -> Reply:
    """An error response: JSON for a mapping, else plain text or HTML as it is."""
    if isinstance(body, str):
        kind = "text/html" if body.lstrip().startswith("<") else "text/plain; charset=utf-8"
        raw = body.encode()
    else:
        kind, raw = "application/json", json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(raw, status=status, headers=named, content_type=kind, framing="length")


def whole(body: Mapping[str, Any]) -> Reply:
    """A JSON answer that is not streamed."""
    raw = json.dumps(body).encode()
    return Reply(raw, content_type="application/json", framing="length")


def _flatten(steps: Iterable[Steps]) -> Iterator[Step]:
    for step in steps:
        if isinstance(step, bytes | Fault | Wait | When | asyncio.Event):
            yield step
        else:
            yield from _flatten(step)
