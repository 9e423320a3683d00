"""`requests list | show | replay` on what a real session with the simulator wrote."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from anyclaude_tui.cli import requests
from anyclaude_tui.cli.failure import Failed
from anyclaude_tui.config.settings import LogSettings
from anyclaude_tui.telemetry.observers import make_observers
from tests.proxy.conversations import body, changed, longer
from tests.support import wire
from tests.support.proxy import running_proxy
from tests.support.upstream import CUT, Reply, Upstream


@pytest.fixture
async def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two requests were made, the second of them was cut off; both are traced."""
    monkeypatch.setenv("ANYCLAUDE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ANYCLAUDE_DEBUG", raising=False)
    async with Upstream() as upstream, running_proxy(upstream.url) as proxy:
        settings = LogSettings(debug=3)
        log = tmp_path / "log"
        observers = make_observers(settings, tmp_path, proxy.hub, log_file=log)
        proxy.services.observers = (observers,)
        await observers.start()
        upstream.script(
            Reply(wire.text("Hello ", "you"), wire.ending(prompt=1234, output=56)),
            Reply(wire.text("half"), CUT),
        )
        await proxy.ask(body())
        await proxy.ask(changed("print('one')", "print('two')", longer()))
        await observers.stop()
    return tmp_path


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    requests.add_arguments(parser)
    return parser.parse_args(arguments)


def ids(home: Path) -> list[str]:
    files = sorted((home / "request-logs").iterdir())  # two of them, if midnight has passed
    lines = [line for path in files for line in path.read_text().splitlines()]
    return [json.loads(line)["requestId"] for line in lines]


async def test_the_list_speaks_the_filter_of_the_requests_screen(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert requests.run(options("list", "end:cut", "--since", "1h")) == 0
    _, *rows = capsys.readouterr().out.splitlines()
    assert [row.split()[-1] for row in rows] == ["(cut)"]
    assert requests.run(options("list", "--json", "out>50")) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["outputTokens"] == 56
    with pytest.raises(Failed, match="no request fits"):
        requests.run(options("list", "backend:nowhere"))
    with pytest.raises(Failed, match="did you mean ttft"):
        requests.run(options("list", "tfft>5"))
    with pytest.raises(Failed, match="a time is 90min"):
        requests.run(options("list", "--since", "soon"))


async def test_the_list_has_the_newest_last(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert requests.run(options()) == 0
    head, first, second = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["time", "id", "backend"]
    assert "1,234" in first
    assert "complete" in first
    assert "limit (cut)" in second
    assert requests.run(options("list", "-n", "1")) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


async def test_show_by_the_id_of_the_list(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = ids(home)[0]
    assert requests.run(options("show", first.removeprefix("req_")[:12])) == 0
    out = capsys.readouterr().out
    assert out.startswith(first)
    assert "promptTokens             1,234  (reported)" in out
    assert "first delta" in out
    assert "cachedTokens" in out.split("unknown ")[1].splitlines()[0]
    assert "jq .request.body" in out


async def test_show_where_the_prompt_parted_from_the_last(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert requests.run(options("show", ids(home)[1])) == 0
    out = capsys.readouterr().out
    assert "tool result changed at message 3, byte 14: the result of Read" in out
    assert "-print('one')" in out
    assert "+print('two')" in out


async def test_show_without_a_trace_says_how_to_get_one(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (home / "traces").glob("*/*"):
        path.unlink()
    assert requests.run(options("show", ids(home)[1])) == 0
    assert "ANYCLAUDE_DEBUG=3" in capsys.readouterr().out
    with pytest.raises(Failed, match="ANYCLAUDE_DEBUG=3"):
        await requests.replay_command(home, options("replay", ids(home)[1]))


async def test_show_with_the_trace_only(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = ids(home)[0]
    for path in (home / "request-logs").iterdir():
        path.unlink()
    assert requests.run(options("show", first)) == 0
    assert "1,234" in capsys.readouterr().out


async def test_replay_on_another_backend(
    home: Path, upstream: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    """One that tells its speed: none can be measured where all deltas are read at once."""
    speed = wire.chunk({}, timings={"predicted_per_second": 50.0})
    upstream.script(Reply(wire.text("Hello ", "again"), speed, wire.ending(prompt=1200)))
    backend = f"openai:{upstream.url}"
    asked = options("replay", ids(home)[0], "--backend", backend)
    assert await requests.replay_command(home, asked) == 0
    out = capsys.readouterr().out
    rows = {line[:15].strip(): line.split() for line in out.splitlines()}
    assert rows["prompt tokens"][2] == "1,234"
    assert rows["stop reason"][-2:][0] == "end_turn"
    assert rows["backend"][-1] == backend
    for name in ("TTFT", "tokens/s", "total"):
        assert rows[name][-1] != "–"


def test_what_to_do_when_there_is_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYCLAUDE_HOME", str(tmp_path))
    with pytest.raises(Failed, match=r"no requests in .* yet: start `anyclaude-tui`"):
        requests.run(options("list"))
    with pytest.raises(Failed, match=r"no request 'abc' in .*`anyclaude-tui requests list`"):
        requests.run(options("show", "abc"))


def test_a_trace_that_is_none_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANYCLAUDE_HOME", str(tmp_path))
    folder = tmp_path / "traces" / "b"
    folder.mkdir(parents=True)
    (folder / "trace-2026-11-21T23-59-59-500Z-req_abc.json").write_text("{half")
    with pytest.raises(Failed, match="is not a trace of ours"):
        requests.run(options("show", "abc"))
