"""The journal's files and the traces' files: names, order, size, age, and reading back."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from anyclaude_tui.config.settings import LogSettings
from anyclaude_tui.figures import estimated, reported
from anyclaude_tui.prefix.divergence import Cause, Comparison
from anyclaude_tui.telemetry import journal, traces
from anyclaude_tui.telemetry.captures import Capture
from anyclaude_tui.telemetry.events import Outcome
from anyclaude_tui.telemetry.files import Writer
from anyclaude_tui.telemetry.journal import Journal, day_file, entry, read_back, timestamp
from anyclaude_tui.telemetry.traces import Traces, find, folder_name, message_of, trace_path
from tests.telemetry.records import record

WALL = datetime(2026, 11, 21, 23, 59, 59, 500_000, UTC).timestamp()


def test_a_day_is_the_timestamps_day(tmp_path: Path) -> None:
    assert timestamp(WALL) == "2026-11-21T23:59:59.500Z"
    assert day_file(tmp_path, WALL).name == "2026-11-21.jsonl"
    assert day_file(tmp_path, WALL + 1).name == "2026-11-22.jsonl"


def test_figures_and_their_sources() -> None:
    made = record(
        sent_at=101.0,
        first_delta_at=103.0,
        last_delta_at=104.0,
        ended_at=104.5,
        deltas=5,
        message_count=1,
        prompt_tokens=reported(1000),
        cached_tokens=estimated(250.4),
        output_tokens=reported(11),
        outcome=Outcome.COMPLETE,
    )
    found = Comparison(
        Cause.DATE, shared_bytes=100, size_bytes=400, lost_bytes=300, place="message 1", what="date"
    )
    line = entry(made, None, found)
    assert line["cachedTokens"] == 250
    assert line["reusePercent"] == 25.0
    assert line["tokensPerSecond"] == 10.0
    assert line["queueMs"] == 1000
    assert line["ttftMs"] == 3000
    assert line["totalMs"] == 4500
    assert line["loadMs"] is None
    assert line["sources"]["tokensPerSecond"] == "measured"
    assert line["sources"]["cachedTokens"] == "estimated"
    assert line["prefix"]["place"] == "message 1"
    assert line["prefix"]["costTokens"] == 750


def written(folder: Path, settings: LogSettings, lines: list[tuple[dict[str, Any], float]]) -> None:
    writer = Writer(lambda *_: None)
    writing = Journal(folder, settings, writer)
    for line, wall in lines:
        writing.add(line, wall)
    writer.start()
    writer.stop()


def test_days_roll_over_and_old_ones_go(tmp_path: Path) -> None:
    folder = tmp_path / "request-logs"
    written(folder, LogSettings(), [({"n": 1}, WALL), ({"n": 2}, WALL + 1)])
    assert sorted(p.name for p in folder.iterdir()) == ["2026-11-21.jsonl", "2026-11-22.jsonl"]
    os.utime(folder / "2026-11-21.jsonl", (0, 0))
    written(folder, LogSettings(max_days=3), [({"n": 3}, WALL + 2)])
    assert [p.name for p in folder.iterdir()] == ["2026-11-22.jsonl"]
    assert [line["n"] for line in read_back(folder)] == [3, 2]


def test_a_line_that_a_kill_has_cut_is_gone_after_the_next_start(tmp_path: Path) -> None:
    yesterday = tmp_path / "2026-11-20.jsonl"
    yesterday.write_bytes(b'{"n":1}\n{"n":')
    written(tmp_path, LogSettings(max_days=100_000), [({"n": 2}, WALL)])
    assert yesterday.read_bytes() == b'{"n":1}\n'


def test_reading_back_is_newest_first_and_passes_over_what_is_no_line(tmp_path: Path) -> None:
    (tmp_path / "2026-11-20.jsonl").write_bytes(b'{"n":1}\n{"n":2}\n')
    (tmp_path / "2026-11-21.jsonl").write_bytes(b'{"n":3}\nnonsense\n[4]\n{"n":5}\n{"n":')
    assert [line["n"] for line in read_back(tmp_path)] == [5, 3, 2, 1]
    assert list(read_back(tmp_path / "nowhere")) == []


def capture(name: str, size: int = 10) -> Capture:
    body = json.dumps({"messages": ["x" * size]}).encode()
    return Capture(name, "mlx_lm:/models/a b", body, b"{}", b"", False, (), None)


def summary(number: int = 0) -> dict[str, Any]:
    made = record(f"req_{number}", accepted_wall=WALL + number, ended_at=101.0)
    return entry(made)


def test_a_traces_name(tmp_path: Path) -> None:
    path = trace_path(tmp_path, capture("req_7"), timestamp(WALL))
    expected = "mlx_lm--models-a-b/trace-2026-11-21T23-59-59-500Z-req_7.json"
    assert path.relative_to(tmp_path).as_posix() == expected
    assert folder_name("../..") == "backend"
    assert "/" not in folder_name("openai:http://127.0.0.1:1234/v1")


def test_traces_stay_small_and_the_newest_is_there(tmp_path: Path) -> None:
    writer = Writer(lambda *_: None)
    writing = Traces(tmp_path, LogSettings(max_mb=1), writer)
    for number in range(40):
        writing.add(capture(f"req_{number}", 100_000), summary(number))
    writer.start()
    writer.stop()
    left = sorted(tmp_path.glob("*/*"))
    assert sum(path.stat().st_size for path in left) <= 1024 * 1024
    assert left[-1].name.endswith("req_39.json")
    assert len(left) >= 5


def test_finding_a_trace_by_a_part_of_its_id(tmp_path: Path) -> None:
    folder = tmp_path / "b"
    folder.mkdir()
    names = ("trace-2026-11-21T23-59-59-500Z-req_abc", "trace-2026-11-22T23-59-59-500Z-req_abd")
    for name in names:
        (folder / f"{name}.json").write_text("{}")
    for part, name in (("req_abc", names[0]), ("abc", names[0]), ("ab", names[1])):
        assert find(tmp_path, part) == folder / f"{name}.json"
    for part in ("zzz", "", "2026"):
        assert find(tmp_path, part) is None


def test_a_message_from_its_events() -> None:
    def event(kind: str, **more: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n".encode()

    def grow(index: int, **delta: Any) -> bytes:
        return event("content_block_delta", index=index, delta=delta)

    use = {"type": "tool_use", "id": "t", "name": "Read", "input": {}}
    raw = (
        event("message_start", message={"id": "m", "content": [], "usage": {"input_tokens": 3}})
        + event("content_block_start", index=0, content_block={"type": "text", "text": ""})
        + grow(0, type="text_delta", text="Hel")
        + event("message_delta", delta={"stop_reason": None}, usage={})
        + grow(0, type="text_delta", text="lo")
        + event("content_block_start", index=1, content_block=use)
        + grow(1, type="input_json_delta", partial_json='{"file_path":')
        + grow(1, type="input_json_delta", partial_json='"/a"}')
    )
    whole = raw + event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output": 5})
    message = message_of(whole)
    assert message is not None
    assert message["content"][0]["text"] == "Hello"
    assert message["content"][1]["input"] == {"file_path": "/a"}
    assert message["stop_reason"] == "tool_use"
    assert message["usage"] == {"input_tokens": 3, "output": 5}
    cut = message_of(raw[: raw.index(b'\\"/a')])
    assert cut is not None
    assert cut["content"][1]["input"] == '{"file_path":'
    assert message_of(b"nonsense\n\ndata: 5\n\n") is None
    failed = message_of(raw + event("error", error={"type": "api_error", "message": "died"}))
    assert failed is not None
    assert failed["error"]["message"] == "died"


def test_folders_are_those_of_the_design() -> None:
    assert (journal.FOLDER, traces.FOLDER) == ("request-logs", "traces")
