"""Tools left out by a key: what the user sees of it, and what is saved."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from anyclaude_tui.figures import UNKNOWN, estimated, measured, reported
from anyclaude_tui.screens.requests import tabs, tool_rows
from anyclaude_tui.screens.requests.details import RequestDetailsScreen
from anyclaude_tui.screens.requests.tool_rows import Tools
from anyclaude_tui.screens.requests.tools_dialog import ToolsDialog
from anyclaude_tui.session.tool_sizes import ToolSize
from anyclaude_tui.widgets.lines import plain
from tests.screens import fakes, kept
from tests.screens.dashboard.test_screen import LEADER
from tests.screens.requests.test_screen import body, on_top, screen, words
from tests.support.waiting import until

IN_SIZES = ("down", "enter", "2")


def shown(pilot: Pilot[Any]) -> str:
    """The text of the dialog."""
    top = on_top(pilot)
    rows = [str(option.prompt) for option in top.query_one(OptionList).options]
    return "\n".join([*rows, *(str(one.visual) for one in top.query(Static))])


def saved(home: Path) -> dict[str, Any]:
    return tomllib.loads((home / "config.toml").read_text())


async def test_a_key_in_sizes_leaves_a_tool_out_and_takes_it_back(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    (tmp_path / "config.toml").write_text("# mine\nkeep_backends = true\n")
    async with screen(session, (120, 40), *IN_SIZES) as (_, pilot):
        await until(lambda: "tool Bash" in body(pilot))
        assert "leave tools out" in words(pilot, "keys")
        await pilot.press("o")
        await pilot.pause()
        assert isinstance(on_top(pilot), ToolsDialog)
        assert "nothing is left out" in shown(pilot)
        assert "3 tools, ~2,552 tokens" in shown(pilot)
        await pilot.press("down", "enter")  # the largest first: Edit, Read, Bash
        await pilot.pause()
        assert saved(tmp_path) == {"keep_backends": True, "tools": {"leave_out": ["Read"]}}
        assert "# mine" in (tmp_path / "config.toml").read_text()
        assert "2 tools, ~1,695 tokens" in shown(pilot)
        assert "saves          ~857 tokens" in shown(pilot)
        await until(lambda: bool(session.applied))
        assert session.applied[-1].tools.leave_out == ("Read",)
        await pilot.press("s", "escape")  # in the prompt's order
        await pilot.pause()
        assert isinstance(on_top(pilot), RequestDetailsScreen)
        await until(lambda: "out next" in body(pilot))
        assert "next conversation: 1 out: ~857 tokens" in body(pilot)
        await pilot.press("o", "down", "space")
        await pilot.pause()
        assert saved(tmp_path) == {"keep_backends": True, "tools": {}}
        await pilot.press("q")
        await pilot.pause()
        await until(lambda: "out next" not in body(pilot))


async def test_the_dashboard_s_own_key_is_about_the_newest_request(tmp_path: Path) -> None:
    async with screen(kept.usual(tmp_path), (80, 24), "escape") as (_, pilot):
        await pilot.press(LEADER, "o")
        await until(lambda: isinstance(on_top(pilot), ToolsDialog))
        await pilot.press("o")  # the same key inside: leave it out
        await pilot.pause()
        assert saved(tmp_path) == {"tools": {"leave_out": ["Edit"]}}
        await pilot.press("escape")
        await until(lambda: not isinstance(on_top(pilot), ToolsDialog))


async def test_a_backend_with_a_list_of_its_own_keeps_it(tmp_path: Path) -> None:
    mine = '[tools]\nleave_out = ["Bash"]\n[backends.fast]\nkind = "simulator"\nleave_out = []\n'
    (tmp_path / "config.toml").write_text(mine)
    async with screen(kept.usual(tmp_path), (80, 24), *IN_SIZES, "o") as (_, pilot):
        await until(lambda: isinstance(on_top(pilot), ToolsDialog))
        assert "nothing is left out" in shown(pilot)
        assert "[backends.fast] leave_out" in shown(pilot).replace("\n", " ")
        await pilot.press("enter")
        await pilot.pause()
        found = saved(tmp_path)
        assert (found["tools"], found["backends"]["fast"]["leave_out"]) == (
            {"leave_out": ["Bash"]},
            ["Edit"],
        )
        await pilot.press("enter")
        await pilot.pause()
        assert saved(tmp_path)["backends"]["fast"]["leave_out"] == []  # still its own


async def test_what_a_pattern_leaves_out_is_not_taken_back_alone(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('[tools]\nleave_out = ["*a*"]\n')
    async with screen(kept.usual(tmp_path), (120, 40), *IN_SIZES, "o", "down", "enter") as (_, p):
        await until(lambda: isinstance(on_top(p), ToolsDialog))
        assert "left out by a pattern" in shown(p)
        assert saved(tmp_path) == {"tools": {"leave_out": ["*a*"]}}


async def test_a_file_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    session = kept.usual(tmp_path)
    async with screen(session, (120, 40), *IN_SIZES, "o") as (_, pilot):
        await until(lambda: isinstance(on_top(pilot), ToolsDialog))
        (tmp_path / "config.toml").mkdir()
        await pilot.press("enter")
        await pilot.pause()
        assert "Not saved" in shown(pilot)
        assert not session.applied


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (160, 48)])
async def test_it_fits_any_window(tmp_path: Path, size: tuple[int, int]) -> None:
    async with screen(kept.usual(tmp_path), size, *IN_SIZES, "o", "enter") as (_, pilot):
        await until(lambda: isinstance(on_top(pilot), ToolsDialog))
        box = on_top(pilot).query_one(".box").region
        assert box.right <= size[0]
        assert box.bottom <= size[1]


# --- what is said ---------------------------------------------------------------------------------

BASH = ToolSize("Bash", 4_000)
READ = ToolSize("Read", 1_000, left_out=True)
COUNTED = ToolSize("Grep", 2_000, measured(500))


def tools(*some: ToolSize, speed: float | None = 100.0, patterns: tuple[str, ...] = ()) -> Tools:
    known = UNKNOWN if speed is None else estimated(speed)
    return Tools(some, patterns, reported(10_000), 40_000, known)


def test_tokens_by_the_tokenizer_else_by_the_share_of_the_bytes() -> None:
    found = tools(BASH, COUNTED)
    assert found.tokens(BASH) == estimated(1_000)
    assert found.tokens(COUNTED) == measured(500)
    assert found.total((BASH, COUNTED)) == estimated(1_500)
    assert found.total((COUNTED,)) == measured(500)
    assert found.total(()) == measured(0)
    blind = replace(found, prompt_tokens=UNKNOWN)
    assert blind.total((BASH, COUNTED)) == UNKNOWN


def test_seconds_are_unknown_where_no_prefill_was_measured() -> None:
    assert tools(BASH).seconds(estimated(1_000)) == estimated(10.0)
    found = tools(BASH, speed=None, patterns=("Bash",))
    assert found.seconds(estimated(1_000)) == UNKNOWN
    said = "\n".join(plain(line) for line in tool_rows.summary(found, 90))
    assert "saves          ~1,000 tokens, – of prefill: 1 tool left out" in said
    assert "Seconds are not known" in said


def test_before_and_after() -> None:
    found = tools(BASH, READ, COUNTED, patterns=("Bash",))
    assert plain(tool_rows.brief(found)) == (
        "1 tool left out: ~250 tokens, ~2.5 s · next conversation: 1 out: ~1,000 tokens, ~10 s "
        "· 1 back"
    )
    states = [plain(tool_rows.row(found, one, 90)) for one in found.tools]
    assert [row[2:40].split()[0] for row in states] == ["Bash", "Read", "Grep"]
    assert ["out next" in row for row in states] == [True, False, False]
    assert ["back next" in row for row in states] == [False, True, False]


@pytest.mark.parametrize(
    ("name", "patterns", "then"),
    [
        ("Bash", (), ("Bash",)),
        ("Bash", ("Read", "Bash"), ("Read",)),
        ("Bash", ("Ba*",), None),
        ("Bash", ("Ba*", "Bash"), None),
        ("odd[1]", (), ("odd[[]1]",)),
        ("odd[1]", ("odd[[]1]",), ()),
    ],
)
def test_the_list_that_a_key_makes(
    name: str, patterns: tuple[str, ...], then: tuple[str, ...] | None
) -> None:
    tool = ToolSize(name, 1)
    found = tools(tool, patterns=patterns)
    assert found.toggled(tool) == then
    if then is not None:
        assert tools(tool, patterns=then).is_out(tool) is not found.is_out(tool)


def test_the_overview_says_what_a_request_was_sampled_with() -> None:
    made = fakes.ended(1, sampling=(("temperature", 0.6, "setting"), ("top_k", 20, "client")))
    words = "\n".join(plain(line) for line in tabs.overview(fakes.seen(made), (), 100))
    assert "sampling: temperature 0.6 (setting), top_k 20 (client)" in words
