"""The report in all its forms, from made-up measurements."""

from __future__ import annotations

import dataclasses
import json
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from anyclaude_tui.compare.diagnosis.causes import Cause
from anyclaude_tui.compare.diagnosis.time_breakdown import breakdowns
from anyclaude_tui.compare.report import history, rich_text
from anyclaude_tui.compare.report.markdown import to_markdown
from anyclaude_tui.compare.report.saved import FORMAT, from_json, save, to_json
from anyclaude_tui.compare.report.table import sections
from anyclaude_tui.compare.samples import Comparison, Way, labels
from anyclaude_tui.figures import UNKNOWN, Source
from tests.compare.made_up import Made, comparison

FAST_AND_SLOW = comparison(1, Made(), Made(decode_tokens_per_s=10), noise=0.02)


def with_a_failure(made: Comparison) -> Comparison:
    """The last run of b fails."""
    last = made.samples[-1]
    view = dataclasses.replace(last.view, outcome=None, reason="the `backend` fell | silent")
    failed = dataclasses.replace(last, view=view)
    return dataclasses.replace(made, samples=(*made.samples[:-1], failed))


def test_the_table_has_medians_with_their_source() -> None:
    overall, turn = sections(FAST_AND_SLOW)
    assert (overall.title, turn.title) == ("all workloads", "turn")
    rows = {row.name: row for row in overall.rows}
    decode = rows["decode, direct, tokens/s"]
    assert decode.cells[0].value == pytest.approx(40, rel=0.05)
    assert decode.cells[1].value == pytest.approx(10, rel=0.05)
    assert decode.cells[0].source is Source.MEASURED
    assert decode.cells[0].n == 6
    assert decode.cells[0].mad is not None
    assert decode.ratio() == pytest.approx(0.25, rel=0.1)
    by_turn = {row.name: row for row in turn.rows}
    assert by_turn["thinking share"].written(0) == "~38 %"  # counted in deltas: estimated
    assert by_turn["prompt tokens"].written(0) == "3,000"
    assert by_turn["runs completed"].written(1) == "12"
    assert by_turn["keepalives"].written(0) == "0"
    assert "tool calls" not in by_turn


def test_an_unknown_figure_is_unknown_and_not_nought() -> None:
    made = comparison(1, Made(), Made(reports_usage=False), ways=(Way.PROXY,))
    rows = {row.name: row for row in sections(made)[1].rows}
    assert rows["output tokens"].written(1) == "–"
    assert rows["output tokens"].written(0) == "160"
    assert rows["output tokens"].ratio() is None


def test_the_text_has_the_verdict_on_top() -> None:
    text = rich_text.to_text(save(FAST_AND_SLOW))
    lines = text.splitlines()
    assert "Verdict" in lines[0]
    assert "the backend is the bottleneck (model decode)" in lines[1]
    assert "What to do" in text
    assert "decode, through the proxy, tokens/s" in text
    assert "estimated" in lines[-1]
    assert max(len(line) for line in lines) <= rich_text.SVG_COLUMNS


def test_a_failed_run_stands_in_every_report() -> None:
    saved = save(with_a_failure(FAST_AND_SLOW))
    assert "Runs that failed" in rich_text.to_text(saved)
    markdown = to_markdown(saved)
    assert "the \\`backend\\` fell \\| silent" in markdown
    assert "b turn, warm, direct, run 3" in rich_text.to_text(saved)


def test_markdown_answers_what_the_guide_asks_for() -> None:
    markdown = to_markdown(save(FAST_AND_SLOW))
    assert markdown.startswith("# a against b\n\n**")
    findings = markdown.split("## Report your findings")[1].split("##")[0]
    for name in (
        "keepalives per request",
        "tokens/s through the proxy",
        "tokens/s direct",
        "prompt size, turn",
        "chunks, turn",
    ):
        assert f"| {name}" in findings
    rows = [line for line in markdown.splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} == {4}


def test_the_picture_is_valid_and_shows_the_verdict() -> None:
    svg = rich_text.to_svg(save(FAST_AND_SLOW))
    root = ElementTree.fromstring(svg)
    text = "".join(root.itertext()).replace("\xa0", " ")
    assert "the backend is the bottleneck" in text


@pytest.mark.parametrize(
    "made",
    [
        FAST_AND_SLOW,
        with_a_failure(FAST_AND_SLOW),
        comparison(1, Made(), Made(), Made()),
        comparison(1, Made()),
        comparison(1, Made(), Made(fails="gone")),
        dataclasses.replace(FAST_AND_SLOW, samples=(), stopped=True),
        Comparison(0.0, 0.0, (), (), (), 3, stopped=True),
    ],
)
def test_any_comparison_can_be_written_and_read_again(made: Comparison) -> None:
    saved = save(made)
    assert from_json(to_json(saved)) == saved
    assert to_markdown(saved)
    assert rich_text.to_text(saved)
    assert rich_text.to_svg(saved)


def test_the_json_is_made_for_scripts() -> None:
    made = json.loads(to_json(save(FAST_AND_SLOW)))
    assert made["format"] == FORMAT
    assert made["verdict"]["cause"] == "model decode"
    assert made["verdict"]["scenario"] == "the backend is the bottleneck"
    sample = made["comparison"]["samples"][1]
    assert sample["way"] == "proxy"
    assert sample["view"]["tokens_per_s"]["source"] == "measured"
    unknown = [s for s in made["summary"][0]["rows"][0]["cells"] if s["value"] == 0]
    assert not unknown


def test_a_file_of_another_kind_or_of_the_future_is_refused() -> None:
    with pytest.raises(ValueError, match="Object missing"):
        from_json(b"{}")
    later = to_json(save(FAST_AND_SLOW)).replace(b'"format": 1', b'"format": 99')
    with pytest.raises(ValueError, match="newer"):
        from_json(later)


def test_history_keeps_lists_and_opens(tmp_path: Path) -> None:
    assert history.entries(tmp_path) == []
    first = history.keep(tmp_path, save(FAST_AND_SLOW))
    later = dataclasses.replace(comparison(2, Made(), Made()), started_wall=5000.0)
    second = history.keep(tmp_path, save(later))
    again = history.keep(tmp_path, save(later))
    assert len({first, second, again}) == 3
    assert first.stat().st_mode & 0o777 == 0o600
    assert first.parent.stat().st_mode & 0o777 == 0o700
    (tmp_path / "comparisons" / "broken.json").write_text("{")
    found = history.entries(tmp_path)
    assert [entry.started_wall for entry in found] == [5000.0, 5000.0, 0.0]
    assert found[-1].targets == ("a", "b")
    assert "bottleneck" in found[-1].headline
    assert history.load(found[-1].path).verdict.cause is Cause.DECODE


def test_history_prunes_the_oldest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "KEPT", 3)
    saved = save(comparison(1, Made()))
    for day in range(5):
        when = dataclasses.replace(saved.comparison, started_wall=86_400.0 * day)
        history.keep(tmp_path, dataclasses.replace(saved, comparison=when))
    kept = [entry.started_wall / 86_400 for entry in history.entries(tmp_path)]
    assert kept == [4, 3, 2]


def test_labels_are_short_and_never_alike() -> None:
    names = ["mlx_lm:/a/b/model", "openai:http://127.0.0.1:1234/v1", "simulator:fast", "work"]
    assert list(labels(names).values()) == [
        "mlx_lm:model",
        "openai:127.0.0.1:1234",
        "simulator:fast",
        "work",
    ]
    alike = ["mlx_lm:/a/model", "mlx_lm:/b/model/"]
    assert list(labels(alike).values()) == alike


def test_a_tool_call_that_came_whole_has_no_decode_speed() -> None:
    """`metrics` leaves it unknown; the tables then leave it out."""
    made = comparison(1, Made(), workloads=("talk", "tool"))
    whole = tuple(
        dataclasses.replace(
            s,
            view=dataclasses.replace(
                s.view, tool_calls=1, deltas=2, thinking_deltas=0, tokens_per_s=UNKNOWN
            ),
        )
        if s.workload == "tool"
        else s
        for s in made.samples
    )
    made = dataclasses.replace(made, samples=whole)
    rows = [{row.name: row for row in section.rows} for section in sections(made)]
    assert "decode, tokens/s" not in rows[2]
    assert rows[0]["decode, direct, tokens/s"].cells[0].n == 6
    parts = {part.workload: part for part in breakdowns(made.samples, "a")}
    assert parts["tool"].answer_s > 0  # its time is known from how fast it writes elsewhere
