"""What is written to a slow terminal: counted, in pieces, and dropped at the end."""

from __future__ import annotations

import os
import threading
from io import StringIO

from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.widgets.outer.screen_diff import ScreenDiff
from anyclaude_tui.widgets.outer.writer import PIECE, BoundedWriter, pieces

FRAME = "\x1b[2J" + "".join(
    f"\x1b[{row};1H\x1b[38;2;1;2;3mhello {row} hello\x1b[0m" for row in range(1, 900)
)


@given(st.text(st.sampled_from("\x1b[1;mHab"), max_size=5000))
def test_pieces_are_the_text_and_cut_no_sequence(text: str) -> None:
    made = list(pieces(text))
    assert "".join(made) == text
    assert all(piece.startswith("\x1b") for piece in made[1:])


def test_all_is_written_in_order() -> None:
    out = StringIO()
    writer = BoundedWriter(out)
    writer.start()
    for number in range(20):
        writer.write(f"{FRAME}{number}")
    writer.stop()
    diff = ScreenDiff()
    assert out.getvalue() == "".join(diff.write(f"{FRAME}{number}") for number in range(20))
    assert writer.written == len(out.getvalue())
    assert writer.waiting == 0


def test_what_waits_is_counted_and_can_be_dropped() -> None:
    """A terminal that takes nothing for a while: the frames go, the last words come."""
    reading, writing = os.pipe()
    taken = bytearray()
    with os.fdopen(writing, "w") as file, os.fdopen(reading, "rb", buffering=0) as source:
        writer = BoundedWriter(file)
        writer.start()
        for _ in range(20):
            writer.write(FRAME)
        assert writer.waiting > 10 * PIECE
        writer.drop()
        writer.write("\x1b[?1049l the end")

        def read() -> None:
            while not taken.endswith(b"the end"):
                taken.extend(source.read(4096))

        reader = threading.Thread(target=read)
        reader.start()
        writer.stop()
        reader.join(20)
    assert taken.endswith(b"\x1b[?1049l the end")
    assert len(taken) < 20 * len(FRAME)
    assert writer.waiting == 0


def test_a_terminal_that_has_gone_takes_all_there_is() -> None:
    """Its window was closed: the loop goes on, and can end what runs."""
    outer, inner = os.openpty()
    os.close(outer)
    with os.fdopen(inner, "w") as file:
        writer = BoundedWriter(file)
        writer.start()

        def write() -> None:
            for _ in range(100):
                writer.write(FRAME)
            writer.stop()

        writing = threading.Thread(target=write, daemon=True)
        writing.start()
        writing.join(20)
    assert not writing.is_alive()
    assert writer.waiting == 0
