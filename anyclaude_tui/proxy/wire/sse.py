"""Server-sent events out of bytes, as they arrive in whatever pieces.

Pure and incremental. The common case (one `data:` line, LF) is a split on `bytes`; all
else (CRLF, CR, BOM, several data lines, comments, other fields) takes the slower way.
Source: WHATWG HTML, "Server-sent events", "Parsing an event stream"; deliberately more
lenient in three places, each marked below.
"""

from __future__ import annotations

import msgspec

MAX_EVENT_BYTES = 8 * 1024 * 1024

_BOM = b"\xef\xbb\xbf"


class Event(msgspec.Struct, frozen=True, gc=False):
    """One dispatched event."""

    data: bytes
    event: str = ""
    """The `event:` field, mostly absent."""


class Comment(msgspec.Struct, frozen=True, gc=False):
    """A line that starts with a colon, such as `: keepalive 2048/3015`."""

    text: bytes


class EventTooLarge(ValueError):
    """One event is larger than the reader may hold."""


class SSEReader:
    """Bytes in, events out. Holds at most one unfinished event of `max_event_bytes`."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._parts: list[bytes] = []
        self._size = 0
        self._ends_with_lf = False
        self._after_cr = False
        self._at_start = True

    def feed(self, data: bytes) -> list[Event | Comment]:
        """The events and comments that `data` completes. Raises `EventTooLarge`."""
        if self._at_start:
            data = self._without_bom(data)
        if self._after_cr or b"\r" in data:
            data = self._with_lf(data)
        if not data:
            return []
        if self._parts:
            if b"\n\n" not in data and not (self._ends_with_lf and data[:1] == b"\n"):
                self._hold(data)
                return []
            self._parts.append(data)
            data = b"".join(self._parts)
            self._parts.clear()
            self._size = 0
        blocks = data.split(b"\n\n")
        rest = blocks.pop()
        if rest:
            self._hold(rest)
        out: list[Event | Comment] = []
        append = out.append
        for block in blocks:
            if block[:6] == b"data: " and b"\n" not in block:
                append(Event(block[6:]))
            elif block:
                _parse(block, out)
        if len(data) > self._max and any(len(block) > self._max for block in blocks):
            raise EventTooLarge(self._words())
        return out

    def end(self) -> list[Event | Comment]:
        """The stream is over: a last event without its blank line.

        The standard drops it; it is used here if its data is `[DONE]` or whole JSON
        (servers that close right after it), so that half an event stays a cut.
        """
        rest = b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        out: list[Event | Comment] = []
        if rest:
            _parse(rest, out)
        if out and isinstance(out[-1], Event) and not _is_whole(out[-1].data):
            # Lenient: one line end between events, or lines of JSON without any field.
            event = out.pop()
            lines = event.data.split(b"\n") if isinstance(event, Event) else []
            out += [Event(line) for line in lines]
        return [item for item in out if isinstance(item, Comment) or _is_whole(item.data)]

    def _hold(self, data: bytes) -> None:
        self._parts.append(data)
        self._size += len(data)
        self._ends_with_lf = data[-1:] == b"\n"
        if self._size > self._max:
            raise EventTooLarge(self._words())

    def _words(self) -> str:
        return f"the backend sent a single event larger than {self._max} bytes"

    def _without_bom(self, data: bytes) -> bytes:
        """A byte order mark may open the stream, and may come in pieces."""
        data = b"".join([*self._parts, data])
        self._parts.clear()
        self._size = 0
        if len(data) < len(_BOM) and _BOM.startswith(data):
            if data:
                self._hold(data)
            return b""
        self._at_start = False
        return data.removeprefix(_BOM)

    def _with_lf(self, data: bytes) -> bytes:
        """CRLF and CR as LF. A CR at the very end counts at once; its LF is then skipped."""
        if self._after_cr and data:
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if data.endswith(b"\r"):
            self._after_cr = True
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


class JSONReader:
    """A whole JSON body where a stream was asked for: one event, however it is laid out."""

    def __init__(self, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._max = max_event_bytes
        self._body = bytearray()
        self._stream: SSEReader | None = None

    def feed(self, data: bytes) -> list[Event | Comment]:
        """Nothing before the end, unless it is a stream after all. Raises `EventTooLarge`."""
        if self._stream is not None:
            return self._stream.feed(data)
        self._body += data
        if not self._body.lstrip().startswith((b"{", b"[")):
            return self._as_stream() if self._body.strip() else []
        if len(self._body) > self._max:
            raise EventTooLarge(f"the backend sent a body larger than {self._max} bytes")
        return []

    def end(self) -> list[Event | Comment]:
        """The body as one event; lines of JSON, each as its own."""
        if self._stream is None and _is_whole(bytes(self._body)):
            return [Event(bytes(self._body))]
        early = self._as_stream() if self._stream is None else []
        assert self._stream is not None
        return early + self._stream.end()

    def _as_stream(self) -> list[Event | Comment]:
        self._stream = SSEReader(self._max)
        return self._stream.feed(bytes(self._body))


def reader_for(content_type: str, max_event_bytes: int) -> SSEReader | JSONReader:
    """A reader for a body of this Content-Type."""
    kind = JSONReader if content_type.startswith("application/json") else SSEReader
    return kind(max_event_bytes)


def is_plain_text(body: bytes) -> bool:
    """True if the beginning of a body is neither a stream nor JSON, but a gateway's words."""
    front = body.removeprefix(_BOM).lstrip()
    return bool(front) and not front.startswith((b":", b"data", b"event:", b"id:", b"retry", b"{"))


def _parse(block: bytes, out: list[Event | Comment]) -> None:
    """Append the comments and the event, if any, of one block of lines to `out`."""
    data: list[bytes] = []
    name = b""
    for line in block.split(b"\n"):
        if line[:1] == b":":
            out.append(Comment(line[1:].strip()))
            continue
        field, colon, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value
        elif field == b"error" and colon:
            # Lenient: older llama.cpp servers write `error: {json}`.
            data.append(value)
            name = b"error"
        elif line[:1] == b"{":
            # Lenient: a plain JSON body, or JSON lines, where a stream was asked.
            data.append(line)
    if data:
        out.append(Event(b"\n".join(data), name.decode("utf-8", "replace")))


def _is_whole(data: bytes) -> bool:
    if data.strip() == b"[DONE]":
        return True
    try:
        msgspec.json.decode(data)
    except ValueError:
        return False
    return True
