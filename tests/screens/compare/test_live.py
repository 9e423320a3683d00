"""The running comparison as a value, and the columns that show it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyclaude_tui.compare.measuring.client_reader import ANSWER, THINKING
from anyclaude_tui.compare.measuring.live import Live, State
from anyclaude_tui.compare.measuring.plan import Step
from anyclaude_tui.compare.measuring.progress import BringingUp, RunEnded, Running
from anyclaude_tui.compare.samples import Prefix, Target, Way
from anyclaude_tui.screens.compare import run_columns
from anyclaude_tui.telemetry.events import Phase
from anyclaude_tui.widgets.lines import Tone, plain, width_of
from tests.screens import comparing

AT = comparing.STARTED + 33.0


def words(live: Live, width: int = 120, height: int = 30) -> str:
    return "\n".join(plain(line) for line in run_columns.body(live, width, height, AT))


def test_the_news_make_a_value() -> None:
    news = comparing.told()
    live = comparing.live(*news)
    fast, slow = live.columns
    ended = [one for one in news if isinstance(one, RunEnded)]
    assert len(fast.ended) + len(slow.ended) == live.ended == len(ended) == 8
    assert live.total == fast.planned + slow.planned
    assert [column.state for column in live.columns].count(State.RUNNING) == 1
    assert live.left_s(comparing.STARTED + 31) == 184.0
    assert live.left_s(comparing.STARTED + 40) == 175.0
    assert live.left_s(comparing.STARTED + 400) == 0.0


def test_one_runs_and_the_others_keep_their_last_run_in_sight() -> None:
    live = comparing.live(*comparing.told(upto=14))
    runs = next(c for c in live.columns if c.running is not None)
    waits = next(c for c in live.columns if c.running is None)
    assert runs.state is State.RUNNING
    assert waits.state is State.WAITING
    shown = words(live)
    assert "last: run" in shown
    assert "The retry limit is read once" in shown
    for label in ("TTFT", "tok/s", "keepalives", "chunks", "thinking", "messages", "tools"):
        assert shown.count(label) >= 2, label
    assert "76.4 kB" in shown


def tones(text: str, thinking_deltas: int = 40) -> dict[str, Tone]:
    """The tone of each line of the reply that goes on, without what stands around it."""
    step, number = Step("fast", "long", Way.PROXY, Prefix.COLD, 1), 3
    told = comparing.running(step, number)
    assert told.view is not None
    seen = replace(told.view, thinking_deltas=thinking_deltas)
    live = comparing.live(BringingUp("fast"), replace(told, text=text, view=seen))
    shown = run_columns.body(live, 120, 30, AT)
    return {words.strip(): tone for line in shown for words, tone in line if words.strip()}


def test_thinking_is_dim_and_apart_from_the_answer() -> None:
    found = tones(f"I think.\n{ANSWER}\nIt is so.")
    assert found["I think."] is Tone.LABEL
    assert found[ANSWER] is Tone.FAINT
    assert found["It is so."] is Tone.TEXT


def test_the_end_of_a_long_reply_is_told_from_thinking_as_well() -> None:
    deltas = comparing.running(Step("fast", "a", Way.PROXY, Prefix.COLD, 1), 1).view
    assert deltas is not None
    assert tones("only thinking so far", deltas.deltas)["only thinking so far"] is Tone.LABEL
    assert tones("the end of an answer")["the end of an answer"] is Tone.TEXT
    found = tones(f"an answer\n{THINKING}\nand more")
    assert (found["an answer"], found["and more"]) == (Tone.TEXT, Tone.LABEL)


def test_a_failed_run_is_a_row_with_its_reason() -> None:
    live = comparing.live(*comparing.told())
    shown = words(live, 160, 48)
    assert "1 failed" in shown
    assert "✗ run" in shown
    assert "the backend died" in shown


def test_a_target_that_is_left_out_says_why() -> None:
    live = comparing.live(*comparing.told(upto=3), comparing.left_out())
    assert live.columns[1].state is State.FAILED
    assert "left out: port 8080 is taken" in words(live)


def test_a_start_counts_its_seconds_and_who_waits_says_so() -> None:
    live = comparing.live(BringingUp("fast"))
    shown = words(live)
    assert "starting… 2.0 s" in shown
    assert "waits its turn" in shown


def test_the_phase_bar_shows_the_prefill() -> None:
    shown = words(comparing.live(*comparing.told(phase=Phase.PREFILL)), 160, 30)
    assert "● prefill" in shown
    assert "12.3k/18.5k" in shown


@pytest.mark.parametrize("width", [40, 79, 80, 120, 160, 200])
@pytest.mark.parametrize("height", [6, 20, 36, 56])
@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_it_fills_its_place_exactly(width: int, height: int, count: int) -> None:
    urls = [f"openai:http://127.0.0.1:{n}/v1" for n in range(count)]
    others = [Target(url, "openai", f"openai:127.0.0.1:{n}") for n, url in enumerate(urls)]
    targets = (comparing.FAST, comparing.SLOW, *others)
    news = [] if count == 1 else comparing.told()
    live = comparing.live(*news, targets=targets[:count])
    lines = run_columns.body(live, width, height, AT)
    assert len(lines) == height
    assert all(width_of(line) <= width for line in lines)


def test_narrow_windows_stack_the_targets() -> None:
    lines = words(comparing.live(*comparing.told()), 60, 20).splitlines()
    heads = [number for number, line in enumerate(lines) if "of" in line and "─" in line]
    assert len(heads) == 2
    assert heads[0] != heads[1]


def test_the_chart_holds_runs_of_the_same_kind_against_each_other() -> None:
    shown = words(comparing.live(*comparing.told(upto=14)), 160, 48)
    assert "Tokens over time" in shown
    assert "●" in shown.split("Tokens over time")[1]


def test_the_progress_line_says_how_far_and_how_long() -> None:
    live = comparing.live(*comparing.told())
    line = plain(run_columns.progress(live, 100, AT, stopping=False))
    assert "8 of 22 runs · 33.0 s · about 3m 02s left" in line
    line = plain(run_columns.progress(live, 100, AT, stopping=True))
    assert "stopping…" in line
    assert "starting" in plain(run_columns.progress(comparing.live(), 80, AT, stopping=False))


def test_a_reply_that_is_long_shows_its_end() -> None:
    news = comparing.told()
    last = news[-1]
    assert isinstance(last, Running)
    text = "\n".join(f"line {n}" for n in range(200))
    live = comparing.live(*news[:-1], replace(last, text=text))
    shown = words(live)
    assert "line 199" in shown
    assert "line 100\n" not in shown
