"""Which models can drive Claude Code: scripted ones that can, and that fail in each way."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.compare import fitness
from anyclaude_tui.compare.fitness import Point, check, fit
from anyclaude_tui.config.settings import BackendSettings, Limits, LogSettings, Settings
from tests.support import wire
from tests.support.upstream import CUT, Reply, Upstream, fail, say, use, wait

LS = use("Bash", {"command": "ls -a"})
BOTH = Reply(
    wire.call("Read", {"file_path": "/etc/hostname"}, id="a", index=0),
    wire.call("Read", {"file_path": "/etc/hosts"}, id="b", index=1),
    wire.ending("tool_calls"),
)
NUMBER = say("The number is ", "4711.")
WORD = Reply(
    wire.comment("keepalive 0/19000"),
    wait(0.05),
    wire.text("heli", "otrope"),
    wait(0.05),
    wire.text("."),
    wire.ending(prompt=19_000, output=4),
)
GOOD = (LS, BOTH, NUMBER, WORD)


async def points(tmp_path: Path, *replies: Reply, window: int | None = 65_536) -> dict[str, Point]:
    async with Upstream() as upstream:
        backend = BackendSettings(kind="openai", url=upstream.url, context_window=window)
        settings = Settings(
            backends={"it": backend}, limits=Limits(retries=0), logs=LogSettings(requests=False)
        )
        upstream.script(*replies)
        every = [point async for point in check(settings, tmp_path, "it")]
        found = {point.name: point for point in every if not point.of_template}
        told = {point.name: point.said for point in every if point.of_template}
        assert told["source"] == "counted by the server"
        assert not upstream.unexpected
        return found


async def test_a_model_that_can_do_it_all(tmp_path: Path) -> None:
    found = await points(tmp_path, *GOOD)
    assert list(found) == [
        "context window",
        "tool call",
        "parallel tool calls",
        "follows a tool's result",
        "long system prompt",
        "speed",
    ]
    assert all(point.passed for point in found.values()), found
    assert fit(list(found.values()))
    assert '"command": "ls -a"' in found["tool call"].said.replace('":"', '": "')
    assert "19,000 tokens" in found["long system prompt"].said


@pytest.mark.parametrize(
    ("place", "reply", "name", "said"),
    [
        (0, say("ls -a lists the files."), "tool call", "wrote text in its place"),
        (0, use("Bash", {"cmd": "ls"}), "tool call", "'command' is a required property"),
        (0, fail(500, {"error": {"message": "out of memory"}}), "tool call", "out of memory"),
        (0, Reply(wire.text("I"), CUT), "tool call", ""),
        (2, say("I cannot read files."), "follows a tool's result", "I cannot read files."),
        (2, use("Bash", {"command": "cat number.txt"}), "follows a tool's result", "again"),
        (3, say("The rules say nothing."), "long system prompt", "lost the thread"),
        (
            0,
            Reply(wire.reasoning("hm ", "hm"), wire.ending("length")),
            "tool call",
            "only thought",
        ),
    ],
)
async def test_each_way_to_fail_is_told(
    tmp_path: Path, place: int, reply: Reply, name: str, said: str
) -> None:
    replies = [*GOOD[:place], reply, *GOOD[place + 1 :]]
    found = await points(tmp_path, *replies)
    assert found[name].passed is False
    assert said in found[name].said
    assert found[name].remedy
    assert not fit(list(found.values()))
    assert [p.name for p in found.values() if p.passed is False and p.needed] == [name]


async def test_one_call_at_a_time_is_good_enough(tmp_path: Path) -> None:
    found = await points(tmp_path, LS, use("Read", {"file_path": "/etc/hosts"}), NUMBER, WORD)
    assert found["parallel tool calls"].passed is False
    assert fit(list(found.values()))


async def test_the_window_counts(tmp_path: Path) -> None:
    found = await points(tmp_path, *GOOD, window=8192)
    assert found["context window"].passed is False
    assert "32,768" in found["context window"].remedy
    assert fitness.window(None).passed is None


async def test_a_backend_that_is_not_there(tmp_path: Path) -> None:
    settings = Settings(backends={"it": BackendSettings(kind="openai", url="http://127.0.0.1:9")})
    with pytest.raises(BackendError):
        [point async for point in check(settings, tmp_path, "it")]


async def test_the_simulator_is_too_slow_when_it_is(tmp_path: Path) -> None:
    name = "simulator:slow,prefill_tokens_per_s=100000,decode_tokens_per_s=400,load_s=0"
    found = {point.name: point async for point in check(Settings(), tmp_path, name)}
    assert found["tool call"].passed
    assert found["speed"].passed
    assert found["long system prompt"].passed is False  # no model read it
