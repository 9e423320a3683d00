"""What a finished comparison says, at any width."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyclaude_tui.compare.report.saved import save
from anyclaude_tui.compare.samples import Comparison, Target
from anyclaude_tui.screens.common.svg_export import lines_svg
from anyclaude_tui.screens.compare import result_page
from anyclaude_tui.widgets.lines import Tone, plain, width_of
from tests.compare.made_up import Made, comparison
from tests.screens import comparing


def words(page: result_page.Page) -> str:
    return "\n".join(plain(line) for line in page.lines)


def section(page: result_page.Page, name: str) -> str:
    """The text of one section."""
    starts = dict(page.sections)
    ends = [start for start in starts.values() if start > starts[name]]
    return "\n".join(plain(line) for line in page.lines[starts[name] : min(ends, default=None)])


@pytest.mark.parametrize("width", [40, 77, 117, 157, 197])
def test_everything_is_in_it_and_nothing_is_too_wide(width: int) -> None:
    saved = comparing.saved()
    page = result_page.page(saved, width, saved)
    assert all(width_of(line) <= width for line in page.lines)
    shown = words(page)
    assert "slow is" in page.lines[0][1][0]
    for part in ("Cause", "Where", "Confidence", "Evidence", "What to do", "TTFT", "Runs"):
        assert part in shown, part
    assert page.sections[0] == ("Verdict", 0)


def test_the_verdict_names_cause_scenario_confidence_evidence_and_remedy() -> None:
    saved = comparing.saved()
    shown = section(result_page.page(saved, 77), "Verdict")
    verdict = saved.verdict
    assert str(verdict.cause) in shown
    assert verdict.scenario is not None
    assert result_page.WHERE[verdict.scenario] in shown
    assert str(verdict.confidence) in shown
    assert verdict.evidence[0] in shown
    assert verdict.remedies[0].split(":")[0][:40] in shown
    assert "simulated" in shown
    assert "up in 8.20 s" in shown


def test_equal_targets_have_no_cause() -> None:
    same = comparison(3, Made(), Made())
    shown = section(result_page.page(save(same), 100), "Verdict")
    assert "equal" in shown
    assert "Cause" not in shown


def test_bars_are_as_long_as_their_values() -> None:
    page = result_page.page(comparing.saved(), 100)
    rows = section(page, "Charts").splitlines()
    at = next(n for n, row in enumerate(rows) if row.startswith("Decode"))
    fast, slow = rows[at + 1].count("▆"), rows[at + 2].count("▆")
    assert fast / slow == pytest.approx(65 / 12, rel=0.25)


def test_the_better_figure_and_the_ratio_stand_in_the_table() -> None:
    page = result_page.page(comparing.saved(), 100)
    start = dict(page.sections)["Figures"]
    row = next(line for line in page.lines[start:] if "decode, proxy" in plain(line))
    better = [text for text, tone in row if tone is Tone.OK]
    assert len(better) == 1
    assert 60 < float(better[0]) < 70
    assert plain(row).rstrip().endswith("×")


def test_wide_windows_have_the_figures_in_two_columns() -> None:
    narrow = section(result_page.page(comparing.saved(), 100), "Figures")
    wide = section(result_page.page(comparing.saved(), 157), "Figures")
    assert len(wide.splitlines()) < 0.7 * len(narrow.splitlines())


def test_failed_runs_are_rows_and_say_why() -> None:
    failed = comparing.finished(failed=True)
    target = replace(failed.targets[1], error="3 runs in a row failed: out of memory")
    page = result_page.page(save(replace(failed, targets=(failed.targets[0], target))), 120)
    runs = section(page, "Runs")
    assert "slow was left out: 3 runs in a row failed" in runs
    assert runs.count("the backend died: out of memory") > 3
    assert "could not be measured" in words(page)
    assert "failed" in section(page, "Verdict")


def test_nothing_at_all_was_measured() -> None:
    empty = Comparison(0.0, 1.0, (Target("a", "openai", error="not there"),), ("short",), (), 3)
    page = result_page.page(save(replace(empty, stopped=True)), 80)
    shown = words(page)
    assert "a was left out: not there" in shown
    assert "stopped before the end" in shown


@pytest.mark.parametrize("count", [1, 3, 4])
def test_any_number_of_targets(count: int) -> None:
    made = [Made(decode_tokens_per_s=40.0 / (n + 1)) for n in range(count)]
    for width in (60, 77, 157):
        page = result_page.page(save(comparison(5, *made)), width)
        assert all(width_of(line) <= width for line in page.lines)


def test_then_and_now() -> None:
    saved = comparing.saved()
    slower = comparison(9, Made(1900.0, 30.0, 20, 90), workloads=("short", "long"))
    samples = tuple(replace(sample, target="fast") for sample in slower.samples)
    older = save(replace(slower, targets=(comparing.FAST,), samples=samples))
    shown = section(result_page.page(saved, 100, older), "Then and now")
    assert "faster than then" in shown
    assert "slow" not in shown.replace("slower", "")
    same = section(result_page.page(saved, 100, saved), "Then and now")
    assert same.count("as fast as then (1.00×, inside the noise)") == 2
    other = save(comparison(1, Made(), Made()))
    nothing = section(result_page.page(saved, 100, other), "Then and now")
    assert "Nothing to compare" in nothing


def test_another_model_under_the_same_name_is_told() -> None:
    saved = comparing.saved()
    past = replace(
        saved.comparison,
        targets=(replace(comparing.FAST, model="gpt-oss-120b"), comparing.SLOW),
    )
    shown = section(result_page.page(saved, 100, save(past)), "Then and now")
    assert "another model then: gpt-oss-120b" in shown


def test_the_picture_holds_the_whole_page() -> None:
    page = result_page.page(comparing.saved(), 120)
    colors = {"background": "#12151a", "foreground": "#d3d8df", "dash-series-1": "#7fa8c9"}
    svg = lines_svg(page.lines, 120, "a & b", colors).decode()
    assert svg.startswith("<svg")
    assert "#12151a" in svg
    assert "#7fa8c9" in svg
    assert "&amp;" in svg
    assert f"line-{len(page.lines) - 1})" in svg
