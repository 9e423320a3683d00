"""The checks of `doctor` on the terminal: from the environment, and by asking it.

The questions end with DA1, which every terminal answers, so that a terminal that knows
none of the others costs no wait (`docs/terminal.md`; replies come in order).
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from anyclaude_tui.doctor.check import Check, Level
from anyclaude_tui.terminal.window_sizes import MIN_HEIGHT, MIN_WIDTH, PANE_HEIGHT, PANE_WIDTH

ANSWER_TIMEOUT_S = 1.0
QUESTIONS = b"\x1b[?u\x1b[>0q\x1b[?2026$p\x1b[c"
"""Kitty keys; name and version; synchronized output; DA1."""
_KITTY = re.compile(rb"\x1b\[\?\d+u")
_NAME = re.compile(rb"\x1bP>\|([^\x1b]*)\x1b\\")
_SYNC = re.compile(rb"\x1b\[\?2026;([0-4])\$y")
_DA1 = re.compile(rb"\x1b\[\?[\d;]*c")
UNUSABLE = ("", "dumb", "unknown")
GROUP = "Terminal"


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a terminal about itself."""

    answered: bool
    name: str = ""
    kitty_keys: bool = False
    synchronized: bool = False


def parse(said: bytes) -> Answers:
    """The answers in what came back."""
    name = _NAME.search(said)
    sync = _SYNC.search(said)
    return Answers(
        answered=_DA1.search(said) is not None,
        name=name.group(1).decode(errors="replace") if name else "",
        kitty_keys=_KITTY.search(said) is not None,
        synchronized=sync is not None and sync.group(1) in (b"1", b"2", b"3"),
    )


def ask(timeout_s: float = ANSWER_TIMEOUT_S) -> Answers | None:
    """Ask the controlling terminal; None where there is none."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY)
    except OSError:
        return None
    try:
        before = termios.tcgetattr(terminal)
    except termios.error:
        os.close(terminal)
        return None
    said = b""
    try:
        tty.setcbreak(terminal, termios.TCSAFLUSH)
        os.write(terminal, QUESTIONS)
        until = time.monotonic() + timeout_s
        while not _DA1.search(said) and (left := until - time.monotonic()) > 0:
            if not select.select([terminal], [], [], left)[0]:
                break
            piece = os.read(terminal, 1024)
            if not piece:
                break
            said += piece
    except OSError:
        pass
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(terminal, termios.TCSAFLUSH, before)
        os.close(terminal)
    return parse(said)


def checks(
    env: Mapping[str, str],
    *,
    size: tuple[int, int] | None,
    encoding: str,
    answers: Answers | None,
) -> Iterator[Check]:
    """Everything about the terminal.

    `size` is None where the output is not a terminal; `answers` is None where none was asked.
    """
    yield _encoding(encoding)
    if size is None:
        words = "the output is not a terminal: run `anyclaude-tui doctor` where you will work"
        yield Check(GROUP, "window", Level.NOTE, words)
        return
    term = env.get("TERM", "")
    if term in UNUSABLE:
        yield Check(
            GROUP,
            "kind",
            Level.BROKEN,
            f"TERM={term or '(not set)'}: nothing can be drawn",
            "use a terminal that sets TERM (xterm-256color for most), or `anyclaude-tui run`, "
            "which draws nothing",
        )
        return
    name = (answers.name if answers else "") or env.get("TERM_PROGRAM", "")
    yield Check(GROUP, "kind", Level.OK, f"{name}, TERM={term}" if name else f"TERM={term}")
    yield _size(*size)
    yield _colours(env, term)
    yield from _abilities(answers)
    yield from _between(env)


def here(env: Mapping[str, str] = os.environ) -> Iterator[Check]:
    """The checks of the terminal that we run in."""
    size = None
    answers = None
    if all(stream.isatty() for stream in (sys.stdin, sys.stdout)):
        columns, rows = os.get_terminal_size(sys.stdout.fileno())
        size = (columns, rows)
        if env.get("TERM", "") not in UNUSABLE:
            answers = ask()
    encoding = sys.stdout.encoding or ""
    return checks(env, size=size, encoding=encoding, answers=answers)


def _encoding(encoding: str) -> Check:
    if encoding.lower().replace("-", "") == "utf8":
        return Check(GROUP, "text", Level.OK, "UTF-8")
    return Check(
        GROUP,
        "text",
        Level.WARNING,
        f"the locale's encoding is {encoding or 'unknown'}: signs and charts cannot be shown",
        "export LC_ALL=C.UTF-8 (macOS: en_US.UTF-8)",
    )


def _size(columns: int, rows: int) -> Check:
    words = f"{columns}×{rows}"
    if columns < MIN_WIDTH or rows < MIN_HEIGHT:
        remedy = f"enlarge it to {MIN_WIDTH}×{MIN_HEIGHT} or more, or use `anyclaude-tui run`"
        return Check(GROUP, "window", Level.BROKEN, f"{words} cells: too small", remedy)
    if columns < PANE_WIDTH or rows < PANE_HEIGHT:
        remedy = f"Claude Code is best from {PANE_WIDTH}×{PANE_HEIGHT} on"
        return Check(GROUP, "window", Level.NOTE, f"{words} cells", remedy)
    return Check(GROUP, "window", Level.OK, f"{words} cells")


def _colours(env: Mapping[str, str], term: str) -> Check:
    if env.get("NO_COLOR"):
        return Check(GROUP, "colours", Level.NOTE, "none: NO_COLOR is set")
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return Check(GROUP, "colours", Level.OK, "truecolor")
    few = "256" if "256" in term else "16"
    return Check(
        GROUP,
        "colours",
        Level.NOTE,
        f"{few}: COLORTERM does not say truecolor",
        "if your terminal can: export COLORTERM=truecolor; if not: the theme ansi-dark has its "
        "own colours",
    )


def _abilities(answers: Answers | None) -> Iterator[Check]:
    if answers is None or not answers.answered:
        words = "the terminal does not answer questions about itself"
        yield Check(GROUP, "keys", Level.NOTE, words, "Shift+Enter may not work: use \\ and Enter")
        return
    if answers.kitty_keys:
        yield Check(GROUP, "keys", Level.OK, "kitty keyboard protocol")
    else:
        yield Check(
            GROUP,
            "keys",
            Level.NOTE,
            "no kitty keyboard protocol: Shift+Enter and Enter are the same",
            "a new line in Claude Code: Option+Enter (Alt+Enter), or \\ and Enter",
        )
    if answers.synchronized:
        yield Check(GROUP, "painting", Level.OK, "synchronized output")
    else:
        yield Check(GROUP, "painting", Level.NOTE, "no synchronized output: it may flicker")


def _between(env: Mapping[str, str]) -> Iterator[Check]:
    """The programs between us and the terminal."""
    if env.get("TMUX"):
        yield Check(
            GROUP,
            "tmux",
            Level.NOTE,
            "inside tmux",
            "for colours, keys and copying: set -as terminal-features ',*:RGB', "
            "set -s extended-keys on, set -s set-clipboard on",
        )
    if env.get("SSH_CONNECTION"):
        words = "over ssh: copying goes through the terminal (OSC 52)"
        yield Check(GROUP, "ssh", Level.NOTE, words, "allow clipboard access in your terminal")
