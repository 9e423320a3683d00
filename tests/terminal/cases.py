"""The conformance table: one class of sequences after another, with bytes that use them.

Screens are 8 rows by 40 columns. `replies` says that what the terminal answers is compared
too; `ghostty` and `tmux` say which is a reference (not for what it does not implement, or
does in its own way: libghostty-vt has no DECSTR, tmux no OSC 8 text, no kitty keyboard).
"""

from __future__ import annotations

from dataclasses import dataclass

ROWS, COLUMNS = 8, 40
_FILL = b"".join(b"\x1b[%d;1H%s" % (n, bytes([64 + n]) * 40) for n in range(1, 9))


@dataclass(frozen=True, slots=True)
class Case:
    """One row of the table."""

    group: str
    name: str
    data: bytes
    replies: bool = False
    ghostty: bool = True
    tmux: bool = True
    resize: tuple[int, int] | None = None


def _utf8(text: str) -> bytes:
    return text.encode()


CASES: tuple[Case, ...] = (
    Case("text", "plain, CR LF, tabs", b"one\r\ntwo\tthree\r\n\tfour\b\b5"),
    Case("text", "autowrap at the margin", b"x" * 45 + b"\r\n" + b"y" * 40 + b"z"),
    Case("text", "no autowrap", b"\x1b[?7l" + b"x" * 39 + b"abc\x1b[?7h"),
    Case("text", "scroll off the bottom", b"".join(b"line %d\r\n" % n for n in range(20))),
    Case("text", "insert mode", b"abcdef\x1b[4h\x1b[3GXY\x1b[4l\x1b[HZ"),
    Case("text", "repeat (REP)", b"ab\x1b[5bc"),
    Case("text", "DEC graphics", b"\x1b(0lqqk\x1b(Bx\x0elqk\x0f", tmux=False),
    Case("cursor", "CUP CUU CUD CUF CUB", b"\x1b[4;10Ha\x1b[2Ab\x1b[3Bc\x1b[5Cd\x1b[9De"),
    Case("cursor", "CHA VPA HVP CNL CPL", b"\x1b[5Ga\x1b[3db\x1b[2;7fc\x1b[2Ed\x1b[Fe"),
    Case("cursor", "save and restore", b"\x1b[3;3H\x1b[1m\x1b7\x1b[H\x1b[0mx\x1b8y"),
    Case("cursor", "clamped at the edges", b"\x1b[99;99Ha\x1b[99A\x1b[99Db\x1b[0;0Hc"),
    Case(
        "cursor",
        "tab stops",
        b"\x1b[3g\x1b[5G\x1bH\x1b[20G\x1bH\r\ta\tb\x1b[Zc\x1b[2Id",
        tmux=False,
    ),
    Case("cursor", "origin mode", _FILL + b"\x1b[3;6r\x1b[?6h\x1b[HX\x1b[9;9HY\x1b[?6l\x1b[r"),
    Case("erase", "ED 0 1 2", _FILL + b"\x1b[4;20H\x1b[J\x1b[2;20H\x1b[1J"),
    Case("erase", "EL 0 1 2", _FILL + b"\x1b[2;9H\x1b[K\x1b[4;9H\x1b[1K\x1b[6;9H\x1b[2K"),
    Case("erase", "ECH DCH ICH", _FILL + b"\x1b[2;5H\x1b[4X\x1b[3;5H\x1b[4P\x1b[4;5H\x1b[4@"),
    Case("erase", "with background colour", _FILL + b"\x1b[44m\x1b[2;5H\x1b[K\x1b[4;5H\x1b[3X"),
    Case("erase", "selective (DECSCA)", b'a\x1b[1"qb\x1b[0"qc\x1b[?2K', tmux=False),
    Case("scroll", "IL DL", _FILL + b"\x1b[3;1H\x1b[2L\x1b[6;1H\x1b[1M"),
    Case("scroll", "SU SD", _FILL + b"\x1b[2S\x1b[1T", tmux=False),
    Case("scroll", "margins, IND RI NEL", _FILL + b"\x1b[3;6r\x1b[6;1H\x1bD\x1b[3;1H\x1bM\x1bE"),
    Case(
        "scroll",
        "left and right margins",
        _FILL + b"\x1b[?69h\x1b[5;20s\x1b[3;7H\x1b[2S\x1b[1L\x1b[2Ppq\x1b[?69l",
        tmux=False,
    ),
    Case("style", "bold dim italic blink strike", b"\x1b[1ma\x1b[2mb\x1b[3mc\x1b[5md\x1b[9me"),
    Case("style", "reverse conceal overline", b"\x1b[7ma\x1b[8mb\x1b[53mc\x1b[27;28;55md"),
    Case("style", "off again", b"\x1b[1;2;3;4;9ma\x1b[22mb\x1b[23mc\x1b[24md\x1b[29me"),
    Case("style", "underline kinds", b"".join(b"\x1b[4:%dm%d" % (n, n) for n in range(6))),
    Case("style", "double underline by 21", b"\x1b[21ma\x1b[24mb"),
    Case(
        "style", "underline colours", b"\x1b[4;58:5:9ma\x1b[58:2::1:2:3mb\x1b[58;2;4;5;6mc\x1b[59md"
    ),
    Case("colour", "16 colours", b"".join(b"\x1b[%d;%dmx" % (30 + n, 47 - n) for n in range(8))),
    Case("colour", "bright", b"".join(b"\x1b[%d;%dmx" % (90 + n, 107 - n) for n in range(8))),
    Case("colour", "256, semicolons and colons", b"\x1b[38;5;196ma\x1b[48:5:21mb\x1b[39;49mc"),
    Case(
        "colour",
        "truecolor, three spellings",
        b"\x1b[38;2;1;2;3ma\x1b[38:2:4:5:6mb\x1b[38:2::7:8:9mc",
    ),
    Case("unicode", "wide characters", _utf8("漢字かな한글 a漢b")),
    Case("unicode", "wide at the margin", b"x" * 39 + _utf8("漢字")),
    Case(
        "unicode",
        "half of a wide one overwritten",
        _utf8("漢字漢字") + b"\x1b[2Gx\x1b[7Gy",
        tmux=False,
    ),
    Case("unicode", "combining marks", _utf8("e\u0301 a\u0308\u0304 n\u0303o")),
    Case("unicode", "emoji, skin tones, flags", _utf8("👍🏽 🇩🇪 👩‍👩‍👧‍👦 ❤️ x"), tmux=False),
    Case("unicode", "split in the middle", _utf8("ä漢👍")[:5]),
    Case("unicode", "invalid bytes", b"a\xff\xc3b\xe6\xbcz", tmux=False),
    Case("links", "OSC 8", b"\x1b]8;;https://a.b/c\x1b\\link\x1b]8;;\x1b\\ no", tmux=False),
    Case(
        "links",
        "OSC 8 with id, over two rows",
        b"\x1b]8;id=7;http://x\x07" + b"l" * 50 + b"\x1b]8;;\x07",
        tmux=False,
    ),
    Case("screens", "alternate screen 1049", b"main\x1b[?1049halt\x1b[5;5Hx\x1b[?1049l!"),
    Case("screens", "alternate screen 47", b"main\x1b[?47h\x1b[Halt\x1b[?47l!", tmux=False),
    Case("screens", "alternate screen stays", b"main\x1b[?1049h\x1b[2J\x1b[Hfull"),
    Case("screens", "cleared on entry", b"\x1b[?1049hold\x1b[?1049l\x1b[?1049h\x1b[Hnew"),
    Case("reset", "RIS", b"\x1b[31mred\x1b[3;5r\x1b[?7l\x1bcplain"),
    Case("reset", "DECSTR", b"\x1b[31m\x1b[3;5r\x1b[?25l\x1b[!pplain", ghostty=False),
    Case(
        "strings",
        "DCS, APC, PM, SOS are silent",
        b"a\x1bPq#0\x1b\\b\x1b_G\x1b\\c\x1b^p\x1b\\d\x1bXs\x1b\\e",
    ),
    Case("strings", "OSC ended by BEL, ST, CAN", b"a\x1b]2;t\x07b\x1b]2;u\x1b\\c\x1b]2;v\x18d"),
    Case("strings", "CSI with a control inside", b"a\x1b[3\rCb", tmux=False),
    Case(
        "strings",
        "unknown sequences",
        b"a\x1b[>99zb\x1b[?9999hc\x1b]9999;x\x07d\x1b[1;2;3;4;5'~e",
        tmux=False,
    ),
    Case("strings", "malformed CSI", b"a\x1b[-3eb\x1b[1-2Cc\x1b[3 4Cd", tmux=False),
    Case("sync", "a synchronized frame", b"old\x1b[?2026h\x1b[2J\x1b[Hnew\x1b[?2026l"),
    Case("replies", "DSR and CPR", b"\x1b[3;7H\x1b[5n\x1b[6n", replies=True),
    Case(
        "replies",
        "DECRQM 2026, 2004, unknown",
        b"\x1b[?2026$p\x1b[?2004h\x1b[?2004$p\x1b[?4242$p",
        replies=True,
    ),
    Case(
        "replies",
        "kitty keyboard stack",
        b"\x1b[?u\x1b[>1u\x1b[?u\x1b[=3;2u\x1b[?u\x1b[<1u\x1b[?u",
        replies=True,
        tmux=False,
    ),
    Case(
        "replies",
        "DECRQSS margins and style",
        b"\x1b[2;5r\x1bP$qr\x1b\\\x1b[1;31m\x1bP$qm\x1b\\",
        tmux=False,
    ),
    Case("replies", "order: DECRQM before CPR", b"\x1b[?2026$p\x1b[6n\x1b[5n", replies=True),
    Case(
        "resize",
        "narrower: lines wrap",
        b"abcdefghij" * 5 + b"\r\nsecond",
        resize=(8, 20),
        tmux=False,
    ),
    Case(
        "resize", "wider: lines join", b"abcdefghij" * 5 + b"\r\nsecond", resize=(8, 60), tmux=False
    ),
    Case(
        "resize",
        "lower: the bottom stays",
        b"\r\n".join(b"%d" % n for n in range(8)),
        resize=(4, 40),
        tmux=False,
    ),
    Case(
        "resize",
        "higher: history comes back",
        b"\r\n".join(b"%d" % n for n in range(20)),
        resize=(12, 40),
        tmux=False,
    ),
    Case("resize", "lower with room below", b"a\r\nb\r\nc", resize=(4, 40), tmux=False),
    Case(
        "claude",
        "Ink's frame: up, clear, rewrite",
        b"\x1b[?25l\x1b[?2026hone\r\ntwo\r\nthree\r\n\x1b[?2026l"
        b"\x1b[?2026h\x1b[2K\x1b[1A\x1b[2K\x1b[1A\x1b[2K\x1b[GTWO\r\nTHREE\r\n\x1b[?2026l",
    ),
    Case(
        "claude",
        "its start",
        b"\x1b7\x1b[r\x1b8\x1b[?25l\x1b[?2004h\x1b[?1004h\x1b[?2031hx\x1b[>4;2m\x1b[>1u",
        tmux=False,
    ),
)
