"""The footer, the next step after a failure, and the help: what to press is always in sight."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyclaude_tui.backends.base import BackendState
from anyclaude_tui.screens.actions import key_words
from anyclaude_tui.screens.dashboard import header_footer
from anyclaude_tui.screens.help import help_lines
from anyclaude_tui.telemetry.hub import Notice, Snapshot
from anyclaude_tui.widgets.lines import plain, width_of
from anyclaude_tui.widgets.panels import PANELS, framed
from tests.screens import fakes

URL = "http://127.0.0.1:41810"
LONG = fakes.notice("error", "the disk is full: free some space, or set another folder")
FAILED = replace(fakes.FAST, state=BackendState.FAILED, reason="the model path is missing")


def footer(
    width: int, state: BackendState | None = BackendState.READY, notice: Notice | None = None
) -> str:
    line = header_footer.footer("Ctrl+]", state, notice, URL, width)
    assert width_of(line) == width
    return plain(line)


def shown(*backends: object, **changes: object) -> Snapshot:
    return fakes.snapshot(history=(), backends=backends, **changes)


@pytest.mark.parametrize("notice", [None, LONG], ids=["quiet", "notice"])
@pytest.mark.parametrize("state", [None, *BackendState])
@pytest.mark.parametrize("width", [40, 52, 60, 72, 80, 100, 120, 200])
def test_help_and_quit_are_always_in_the_footer(
    width: int, state: BackendState | None, notice: Notice | None
) -> None:
    words = footer(width, state, notice)
    assert words.startswith(" Ctrl+] then ")
    assert " ? help " in words
    assert " q quit" in words


def test_what_matters_less_is_dropped_first_and_whole() -> None:
    assert footer(60).split()[2:] == ["z", "zoom", "b", "backends", "?", "help", "q", "quit"]
    assert footer(40).split()[2:] == ["z", "zoom", "?", "help", "q", "quit"]
    assert URL in footer(120)


def test_when_the_backend_has_failed_the_footer_says_what_mends_it() -> None:
    for width in (60, 80, 120):
        for notice in (None, LONG):
            words = footer(width, BackendState.FAILED, notice)
            assert "r restart" in words
            if width > 60 or notice is None:
                assert "b backends" in words
    assert "r restart" not in footer(200)
    assert footer(80, None).index("b backends") < footer(80, None).index("z zoom")


def test_a_notice_is_in_the_footer_in_every_width() -> None:
    for width in (60, 80, 120, 200):
        assert "✗ the disk" in footer(width, BackendState.READY, LONG)
        assert "✗ the" in footer(max(80, width), BackendState.FAILED, LONG)


def test_the_backend_panel_says_what_to_press_after_a_failure() -> None:
    snapshot = shown(FAILED, active="fast")
    step = header_footer.next_step("Ctrl+]", snapshot)
    assert plain(step) == "Ctrl+] then  r restart  b another"
    for height in (7, 8, 20):
        lines = framed(PANELS["backend"], snapshot, 40, height, "├", step)
        assert len(lines) == height
        assert any(plain(step) in plain(line) for line in lines)
        assert "the model path is missing" in "".join(map(plain, lines))


def test_without_a_failure_there_is_nothing_to_press() -> None:
    assert header_footer.next_step("Ctrl+]", shown(fakes.FAST, active="fast")) == ()
    assert plain(header_footer.next_step("Ctrl+]", shown(active=""))) == "Ctrl+] then b choose one"
    assert header_footer.next_step("Ctrl+]", shown(active="", switching="starting fast")) == ()


@pytest.mark.parametrize(
    ("key", "character", "words"),
    [
        ("colon", ":", ":"),
        ("x", "x", "x"),
        ("space", " ", "Space"),
        ("ctrl+f", "\x06", "Ctrl+F"),
        ("f5", None, "F5"),
        ("full_stop", None, "."),
    ],
)
def test_a_key_is_named_as_people_know_it(key: str, character: str | None, words: str) -> None:
    assert key_words(key, character) == words


def test_in_a_narrow_window_the_help_gives_the_keys_little_room() -> None:
    def begins(width: int, words: str) -> int:
        lines = map(plain, help_lines("Ctrl+]", "~/.anyclaude", width))
        return next(line.index(words) for line in lines if words in line)

    assert begins(50, "The terminal pane") == begins(50, "complete") == 9
    assert begins(78, "The terminal pane") == begins(78, "complete") == 14
    assert begins(50, "time to first token") == begins(78, "time to first token") == 14
    assert all(width_of(line) <= 50 for line in help_lines("Ctrl+]", "~/.anyclaude", 50))
