"""Answers to queries: our own characters only, and nothing of the asker's."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyclaude_tui.terminal.cells import ClipboardSet, Notified, ProgressSet, ScreenEvent
from anyclaude_tui.terminal.emulator import Emulator

WHOLE = re.compile(
    rb"(?:\x1b\[[0-9;:<=>?]*[ -/]*[@-~]|\x1bP[ -~]*\x1b\\|\x1b\][ -~]*(?:\x1b\\|\x07))*"
)


def asked(*queries: bytes) -> bytes:
    """All that is answered; each query in a feed of its own."""
    sent: list[bytes] = []
    emulator = Emulator(8, 20, send=sent.append, report=lambda event: None, version="1.2")
    for query in queries:
        emulator.feed(query)
    assert emulator.faults == 0
    return b"".join(sent)


@pytest.mark.parametrize(
    ("query", "answer"),
    [
        (b"\x1b[c", b"\x1b[?62;22;52c"),
        (b"\x1b[5n", b"\x1b[0n"),
        (b"\x1b[3;4H\x1b[6n", b"\x1b[3;4R"),
        (b"\x1b[3;4H\x1b[?6n", b"\x1b[?3;4;1R"),
        (b"\x1b[3;6r\x1b[?6h\x1b[2;2H\x1b[6n", b"\x1b[2;2R"),
        (b"\x1b[3;6r\x1b[?69h\x1b[4;9s\x1b[?6h\x1b[?6n", b"\x1b[?1;1;1R"),
        (b"\x1b[>0q", b"\x1bP>|anyclaude-tui 1.2\x1b\\"),
        (b"\x1b[?2026$p", b"\x1b[?2026;2$y"),
        (b"\x1b[?2031h\x1b[?2031$p", b"\x1b[?2031;1$y"),
        (b"\x1b[?996n", b"\x1b[?997;1n"),
        (b"\x1bP$q q\x1b\\", b"\x1bP1$r2 q\x1b\\"),
        (
            b"\x1bP+q544e\x1b\\",
            b"\x1bP1+r544E=" + b"xterm-256color".hex().upper().encode() + b"\x1b\\",
        ),
        (b"\x1b[18t", b"\x1b[8;8;20t"),
        # colour queries end as they were asked
        (b"\x1b]4;1;?\x1b\\", b"\x1b]4;1;rgb:cdcd/0000/0000\x1b\\"),
        (b"\x1b]4;1;?\x07", b"\x1b]4;1;rgb:cdcd/0000/0000\x07"),
        (b"\x1b]11;?\x1b\\", b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
        (b"\x1b]11;?\x07", b"\x1b]11;rgb:0000/0000/0000\x07"),
        # not known: refused without what was asked
        (b"\x1bP$qZq@Zq\x1b\\", b"\x1bP0$r\x1b\\"),
        (b"\x1bP$qls\rid\n\x1b\\", b"\x1bP0$r\x1b\\"),
        (b"\x1bP+q5a71\x1b\\", b"\x1bP0+r\x1b\\"),
        (b"\x1bP+q5a 71\r\x1b\\", b"\x1bP0+r\x1b\\"),
        # not answered: what is no truth, or would be read back
        (b"\x1b[14t\x1b[15t\x1b[16t\x1b[13t\x1b[11t\x1b[20t\x1b[21t", b""),
        (b"\x1b]50;Zq@Zq\x07\x1b]50;?\x07", b""),
        (b"\x1b]52;c;WnFAWnE=\x07\x1b]52;c;?\x07\x1b]52;Zq@Zq;?\x07", b""),
        (b"Zq@Zq\x1b[1;1;1;1;1;5*y", b""),
        (b"\x05", b""),
        (b"\x1b[?123456789$p", b""),
        (b"\x1b]2;Zq@Zq\x07\x1b[21t\x1b[20t", b""),
    ],
)
def test_an_answer(query: bytes, answer: bytes) -> None:
    assert asked(query) == answer


HOSTILE = st.text(st.sampled_from("Zq@;:\r\n\t\x00\x0e\x7f\x85\x9b 0123456789?$+\"'"), max_size=12)
STRING_ENDS = st.sampled_from(["\x1b\\", "\x07"])
DCS = st.sampled_from(["$q", "+q", "1$t", "2$t", "1$p"])
OSC = st.sampled_from([*map(str, range(20)), "22", "50", "52", "104", "7", "133", "777"])
CSI = st.sampled_from(
    ["n", "c", "q", "p", "$p", "$w", "t", "u", "m", "*y", "$u", "&u", '"v', "#|", "+x", "'|", '"p']
)
ASKED = st.sampled_from(["", "?", ";?", "c;?"])
MARKERS = st.sampled_from(["", "?", ">", "="])
QUERY = st.one_of(
    st.builds("\x1bP{}{}{}".format, DCS, HOSTILE, STRING_ENDS),
    st.builds("\x1b]{};{}{}{}".format, OSC, HOSTILE, ASKED, STRING_ENDS),
    st.builds("\x1b[{}{}{}".format, MARKERS, HOSTILE, CSI),
    st.builds("\x1b]8;id={};{}\x1b\\link".format, HOSTILE, HOSTILE),
)


@given(st.lists(QUERY, min_size=1, max_size=6))
@settings(max_examples=6 * settings().max_examples)
def test_no_answer_holds_what_the_asker_wrote(queries: list[str]) -> None:
    """Only printable ASCII between its own introducer and end; numbers apart, nothing that
    was asked with: `Zq@` is in no answer of ours."""
    said = asked(*(query.encode("utf-8", "replace") for query in queries))
    assert WHOLE.fullmatch(said) is not None, said
    assert b"Zq" not in said
    assert b"q@" not in said


def reported(data: bytes) -> list[ScreenEvent]:
    told: list[ScreenEvent] = []
    emulator = Emulator(8, 20, send=lambda data: None, report=told.append)
    emulator.feed(data)
    return told


def test_a_copy_has_no_controls_and_a_limit() -> None:
    def copy(text: str) -> bytes:
        return b"\x1b]52;c;" + base64.b64encode(text.encode()) + b"\x07"

    assert reported(copy("one\r\ntwo\tthree\x1b[201~\x07\x9b\u202e!")) == [
        ClipboardSet("one\ntwo\tthree[201~!")
    ]
    assert reported(copy("\x1b")) == []
    assert len(reported(copy("x" * 100_000))) == 1
    assert reported(copy("x" * 200_000)) == []


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"4;1;50", ProgressSet(1, 50)),
        (b"4;1;900", ProgressSet(1, 100)),
        (b"4;1;-3", ProgressSet(1, 0)),
        (b"4;3", ProgressSet(3, None)),
        (b"4;3;", ProgressSet(3, None)),
        (b"4;9;1", None),
        (b"4;" + b"9" * 5000, None),
        ("4;１;１".encode(), None),
        ("done\x85".encode(), Notified("done")),
    ],
)
def test_progress_is_clamped(data: bytes, expected: ScreenEvent | None) -> None:
    assert reported(b"\x1b]9;" + data + b"\x07") == ([expected] if expected else [])


@pytest.mark.parametrize(
    ("name", "address", "kept"),
    [
        ("7", "https://a.b/c", ("https://a.b/c", "7")),
        ("x" * 65, "https://a.b", ("https://a.b", "")),
        ("\u202e", "https://a.b", ("https://a.b", "")),
        ("7", "https://a.b/\u202e", None),
        ("7", "https://a.b/\x85", None),
        ("7", "https://a.b/" + "x" * 2048, None),
    ],
)
def test_links_are_printable_and_bounded(
    name: str, address: str, kept: tuple[str, str] | None
) -> None:
    emulator = Emulator(2, 10, send=lambda data: None, report=lambda event: None)
    emulator.feed(f"\x1b]8;id={name};{address}\x1b\\L".encode())
    look = emulator.cells(0)[0].look
    assert (look and (look.link, look.link_id)) == kept
