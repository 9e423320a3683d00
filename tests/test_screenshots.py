"""The pictures that are shown say what the screens say now: their text is compared, not pixels."""

from __future__ import annotations

import pytest

from anyclaude_tui.figures import times as format_times
from anyclaude_tui.telemetry.endings import ending
from anyclaude_tui.telemetry.metrics import percentile
from anyclaude_tui.widgets import current_request, format
from tools import screenshots
from tools.screenshots import FOLDER, SHOTS, SIZES, picture, stage, text_of


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("shot", SHOTS, ids=lambda shot: shot.name)
async def test_a_picture_is_current(shot: screenshots.Shot, size: tuple[int, int]) -> None:
    path = FOLDER / f"{shot.name}-{size[0]}x{size[1]}.svg"
    with stage() as folder:
        now = text_of(await picture(shot, size, folder))
    assert text_of(path.read_text(encoding="utf-8")) == now, "run `make screenshots`"


def test_no_picture_is_left_over() -> None:
    expected = {f"{shot.name}-{size[0]}x{size[1]}" for shot in SHOTS for size in SIZES}
    assert {path.stem for path in FOLDER.glob("*.svg")} == expected | {"demo"}  # `make demo`
    assert {path.stem for path in FOLDER.glob("*.png")} <= expected


def test_text_of_reads_rows_from_left_to_right() -> None:
    svg = (
        '<svg xmlns="http://www.w3.org/2000/svg">'
        '<text class="a" x="24" y="20">b\xa0\xa0c</text><text class="b" x="0" y="20">a </text>'
        '<text class="b" x="0" y="44">d</text></svg>'
    )
    assert text_of(svg) == ["a b c", "d"]


# --- the figures in one picture agree ----------------------------------------------------------


def shown(name: str) -> list[str]:
    """The rows of text of the large picture on file."""
    return text_of((FOLDER / f"{name}-160x48.svg").read_text(encoding="utf-8"))


def says(rows: list[str], *words: str) -> bool:
    """Whether a row says these one after the other; how far apart is lost in a picture."""
    wanted = "".join(words).replace(" ", "")
    return any(wanted in row.replace(" ", "") for row in rows)


@pytest.mark.parametrize("name", ["dashboard", "prefill"])
def test_the_panels_of_a_picture_say_the_same(name: str) -> None:
    rows = shown(name)
    snapshot = getattr(screenshots.recording(), {"dashboard": "decode"}.get(name, name))
    (running,) = snapshot.in_flight
    output, ttft = current_request.output(running), format.figure(running.ttft_s, format.seconds)
    rate = format.figure(running.tokens_per_s, format.rate)
    tokens = format.figure(running.prompt_tokens, format.count)
    assert says(rows, "output", format.figure(output, format.exact))
    assert says(rows, "TTFT", ttft, "tok/s", rate)
    row = (tokens, format.figure(output, format.count), ttft, rate, ending(running))
    assert says(rows, format.clock(running.accepted_wall)[:5], *row), "the row of *Requests*"
    totals = snapshot.totals
    assert says(rows, f"{totals.requests} requests")
    assert totals.requests == len(snapshot.recent)
    ends = (totals.complete, totals.limits, totals.errors, totals.cancelled)
    assert totals.requests == sum(ends)
    firsts = [one.ttft_s.value for one in snapshot.recent if one.ttft_s.value is not None]
    assert totals.ttft_p50_s.value == pytest.approx(percentile(firsts, 50))


@pytest.mark.parametrize("name", ["decode", "prefill", "idle"])
def test_the_times_of_each_request_add_up(name: str) -> None:
    snapshot = getattr(screenshots.recording(), name)
    for one in (*snapshot.in_flight, *snapshot.recent):
        assert one.simulated
        ttft, decode = one.ttft_s.value or 0.0, one.decode_s.value or 0.0
        assert ttft + decode <= one.elapsed_s + 0.01
        parts = one.queue_s + (one.load_s.value or 0.0) + (one.prefill_s.value or 0.0)
        if one.ttft_s:
            assert parts == pytest.approx(ttft, abs=0.05)
    assert all(status.simulated for status in snapshot.backends)


def test_a_comparison_has_taken_as_long_as_its_runs() -> None:
    at = screenshots.recording().comparing
    spent = sum(sample.view.elapsed_s for column in at.live.columns for sample in column.ended)
    running = sum(
        column.running.view.elapsed_s
        for column in at.live.columns
        if column.running is not None and column.running.view is not None
    )
    assert spent + running <= at.now - at.live.started
    assert sum(len(column.ended) for column in at.live.columns) == at.live.ended
    for column in at.live.columns:
        if column.running is not None and column.running.timeline and column.running.view:
            first = column.running.view.ttft_s.value
            assert first is not None
            assert column.running.timeline[0][0] == pytest.approx(first, abs=0.3)


def test_a_verdict_counts_the_runs_that_it_shows() -> None:
    saved = screenshots.recording().saved
    good = sum(sample.ok and sample.run > 0 for sample in saved.comparison.samples)
    rows = "\n".join(shown("verdict"))
    assert f"{good} good runs" in rows, "how many ended well"
    assert saved.verdict.shift is not None
    assert format_times(saved.verdict.shift.ratio) in rows
    assert sum(one.view.elapsed_s for one in saved.comparison.samples) <= saved.comparison.seconds
