"""Ghostty's terminal core as the reference, in a process of its own: it can segfault.

`python -m tests.terminal.oracle` reads one JSON request a line and answers one a line;
`Oracle` starts it and asks. Screens come in the form of `screen_of`, so that they can be
compared with `==`.
"""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from types import TracebackType
from typing import Any, NamedTuple

from anyclaude_tui.terminal.cells import Cell, Colour, Look
from anyclaude_tui.terminal.emulator import Emulator

# A row as runs of (text, style); the style holds only what is set.
Style = dict[str, Any]
Row = list[tuple[str, Style]]


class Shown(NamedTuple):
    """A screen, where its cursor is, and what was answered."""

    rows: list[Row]
    cursor: tuple[int, int]
    replies: bytes


class Oracle:
    """One terminal of the reference; a context manager."""

    def __init__(self, rows: int, columns: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.terminal.oracle"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._ask(op="new", rows=rows, columns=columns)

    def __enter__(self) -> Oracle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def restart(self, rows: int, columns: int) -> None:
        """A new terminal in the same process."""
        self._ask(op="new", rows=rows, columns=columns)

    def shown(self, rows: int, columns: int, data: bytes) -> Shown:
        """What a new terminal shows and answers after `data`."""
        answer = self._ask(
            op="shown", rows=rows, columns=columns, data=base64.b64encode(data).decode()
        )
        screen = [[(text, style) for text, style in row] for row in answer["screen"]]
        x, y = answer["cursor"]
        return Shown(screen, (x, y), base64.b64decode(answer["replies"]))

    def feed(self, data: bytes) -> bytes:
        """Feed bytes; what it replied."""
        answer = self._ask(op="feed", data=base64.b64encode(data).decode())
        return base64.b64decode(answer["replies"])

    def resize(self, rows: int, columns: int) -> None:
        """Resize it."""
        self._ask(op="resize", rows=rows, columns=columns)

    def screen(self) -> list[Row]:
        """All rows."""
        rows = self._ask(op="screen")["rows"]
        return [[(text, style) for text, style in row] for row in rows]

    def texts(self) -> list[str]:
        """All rows as text, without trailing blanks: quicker than `screen`."""
        text: str = self._ask(op="text")["text"]
        return text.split("\n")

    def state(self) -> dict[str, Any]:
        """Cursor, title and modes."""
        return self._ask(op="state")

    def _ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the oracle died: exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer


# --- our side, in the same form ---


def screen_of(emulator: Emulator) -> list[Row]:
    """What our emulator shows."""
    return [_row(emulator.cells(y)) for y in range(emulator.rows)]


def texts_of(emulator: Emulator) -> list[str]:
    """What it shows, as text without trailing blanks."""
    return [emulator.text(y) for y in range(emulator.rows)]


def _row(cells: list[Cell]) -> Row:
    return _runs([(cell.text, _style(cell.look)) for cell in cells])


def _runs(cells: list[tuple[str, Style]]) -> Row:
    runs: Row = []
    for text, style in cells:
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + text, style)
        else:
            runs.append((text, style))
    while runs and not runs[-1][1] and not runs[-1][0].strip(" "):
        runs.pop()
    if runs and not runs[-1][1]:
        runs[-1] = (runs[-1][0].rstrip(" "), {})
    return runs


_UNDERLINES = {"": 0, "single": 1, "double": 2, "curly": 3, "dotted": 4, "dashed": 5}


def _style(look: Look | None) -> Style:
    if look is None:
        return {}
    style: Style = {
        "fg": _colour(look.fg),
        "bg": _colour(look.bg),
        "bold": look.bold,
        "faint": look.dim,
        "italic": look.italic,
        "underline": _UNDERLINES[look.underline],
        "underline_color": _colour(look.underline_colour),
        "blink": look.blink,
        "inverse": look.reverse,
        "invisible": look.conceal,
        "strikethrough": look.strike,
        "overline": look.overline,
        "link": look.link,
    }
    return {name: value for name, value in style.items() if value}


def _colour(colour: Colour | None) -> str | None:
    if colour is None:
        return None
    return str(colour) if isinstance(colour, int) else "#{:02x}{:02x}{:02x}".format(*colour)


# --- the process ---


class _Server:
    def __init__(self) -> None:
        from pyghostty import ffi, lib

        self.ffi: Any = ffi
        self.lib: Any = lib
        self.terminal: Any = None
        self.replies: list[bytes] = []

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request."""
        from pyghostty import Terminal

        op = request["op"]
        if op == "new":
            if self.terminal is not None:
                self.terminal.close()
            self.terminal = Terminal(request["columns"], request["rows"], scrollback=1000)
            self.terminal.on_reply(self.replies.append)
            self.terminal.feed(b"\x1b[?2027h")
        elif op == "shown":
            self.answer({**request, "op": "new"})
            replies = self.answer({**request, "op": "feed"})
            return {**replies, "screen": self._screen(), "cursor": list(self.terminal.cursor)}
        elif op == "feed":
            self.replies.clear()
            self.terminal.feed(base64.b64decode(request["data"]))
            return {"replies": base64.b64encode(b"".join(self.replies)).decode()}
        elif op == "resize":
            self.terminal.resize(request["columns"], request["rows"])
        elif op == "screen":
            return {"rows": self._screen()}
        elif op == "text":
            _, rows = self.terminal.size
            lines = self.terminal.text().split("\n")
            return {"text": "\n".join(lines + [""] * (rows - len(lines)))}
        elif op == "state":
            return {
                "cursor": list(self.terminal.cursor),
                "visible": bool(self.terminal.get("cursor_visible", "bool")),
                "kitty": int(self.terminal.get("kitty_keyboard_flags", "uint8_t")),
                "modes": {
                    str(mode): self.terminal.mode(mode)
                    for mode in (1, 5, 6, 7, 25, 47, 1000, 1002, 1003, 1004, 1006, 1049, 2004, 2026)
                },
            }
        return {}

    def _screen(self) -> list[Row]:
        columns, rows = self.terminal.size
        return [_runs([self._cell(x, y) for x in range(columns)]) for y in range(rows)]

    def _cell(self, x: int, y: int) -> tuple[str, Style]:
        ffi, lib = self.ffi, self.lib
        ref = self.terminal.ref(x, y)
        style = {
            name: (_named(value) if name in ("fg", "bg", "underline_color") else value)
            for name, value in self.terminal.style(x, y).items()
            if value
        }
        cell = ffi.new("GhosttyCell*")
        lib.ghostty_grid_ref_cell(ref, cell)
        wide = ffi.new("GhosttyCellWide*")
        lib.ghostty_cell_get(cell[0], lib.GHOSTTY_CELL_DATA_WIDE, wide)
        tag = ffi.new("GhosttyCellContentTag*")
        lib.ghostty_cell_get(cell[0], lib.GHOSTTY_CELL_DATA_CONTENT_TAG, tag)
        if tag[0] == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_PALETTE:
            index = ffi.new("uint8_t*")
            lib.ghostty_cell_get(cell[0], lib.GHOSTTY_CELL_DATA_COLOR_PALETTE, index)
            style["bg"] = str(index[0])
        elif tag[0] == lib.GHOSTTY_CELL_CONTENT_BG_COLOR_RGB:
            rgb = ffi.new("GhosttyColorRgb*")
            lib.ghostty_cell_get(cell[0], lib.GHOSTTY_CELL_DATA_COLOR_RGB, rgb)
            style["bg"] = f"#{rgb.r:02x}{rgb.g:02x}{rgb.b:02x}"
        count = ffi.new("size_t*")
        points = ffi.new("uint32_t[64]")
        lib.ghostty_grid_ref_graphemes(ref, points, 64, count)
        text = "".join(chr(points[n]) for n in range(min(count[0], 64)) if points[n])
        uri = ffi.new("uint8_t[2048]")
        length = ffi.new("size_t*")
        if (
            lib.ghostty_grid_ref_hyperlink_uri(ref, uri, 2048, length) == lib.GHOSTTY_SUCCESS
            and length[0]
        ):
            style["link"] = bytes(uri[0 : length[0]]).decode()
        if wide[0] == lib.GHOSTTY_CELL_WIDE_SPACER_TAIL:
            return "", style
        return text or " ", style


def _named(colour: tuple[str, Any]) -> str:
    kind, value = colour
    return str(value) if kind == "palette" else "#{:02x}{:02x}{:02x}".format(*value)


def main() -> None:
    """Answer requests until stdin ends."""
    server = _Server()
    for line in sys.stdin:
        print(json.dumps(server.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
