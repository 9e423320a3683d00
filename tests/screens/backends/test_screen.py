"""The backends screen as its user meets it: keys, what they ask of the session, what is shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.backends.base import BackendError, BackendState, ModelInfo
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.screens.backends.dialogs import Context, Log, Models
from anyclaude_tui.screens.backends.row_list import RowList
from anyclaude_tui.screens.backends.screen import BackendsScreen
from anyclaude_tui.screens.common.dialogs import Question
from anyclaude_tui.telemetry.hub import Snapshot
from anyclaude_tui.widgets.lines import plain
from anyclaude_tui.widgets.panel import LinesView
from tests.screens import fakes, found
from tests.support.waiting import until_shown

LEADER = "ctrl+right_square_bracket"
FAILED = replace(
    fakes.QWEN, name="coder", state=BackendState.FAILED, reason="port 8080 is taken by 812"
)
SHOWN = replace(fakes.snapshot(history=()), backends=(fakes.FAST, fakes.QWEN, found.STUDIO, FAILED))
STUDIO_IN_USE = replace(SHOWN, active="studio")
GPT = ModelInfo("openai/gpt-oss-20b", 131_072, False, 12_000_000_000)
CODER = ModelInfo("qwen/qwen3-coder-30b", 4096, True, 17_000_000_000)


@asynccontextmanager
async def opened(
    home: Path, shown: Snapshot = SHOWN, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[DashboardApp, found.FoundClient, Pilot[Any]]]:
    """The app with the backends screen on it, after its search."""
    client = found.FoundClient(home, shown)
    try:
        app = DashboardApp(client, Settings())
        async with app.run_test(size=size, notifications=True) as pilot:
            await pilot.press(LEADER, "b")
            await until_shown(pilot, lambda: "2 more" in words(app, "title"))
            yield app, client, pilot
    finally:
        client.close()


def words(app: DashboardApp, name: str) -> str:
    """The text of one of the screen's parts."""
    view = app.screen.query_one(f"#{name}", LinesView)
    return "\n".join(plain(line) for line in view.lines)


def listed(app: DashboardApp) -> list[str]:
    """The lines of the list."""
    options = app.screen.query_one("#rows", OptionList).options
    return [str(option.prompt) for option in options]


async def choose(app: DashboardApp, pilot: Pilot[Any], spec: str) -> None:
    """Put the cursor on what was found, and press Enter."""
    rows = app.screen.query_one(RowList)
    await until_shown(pilot, lambda: any(row.spec == spec for row in rows.rows))
    rows.go_to(next(row for row in rows.rows if row.spec == spec))
    await pilot.press("enter")


def asked(client: found.FoundClient) -> list[str]:
    """What the session was asked, the search apart."""
    return [words for words in client.session.asked if words != "discover"]


async def hold(client: found.FoundClient) -> None:
    """From now on the session's answers wait for `let_go`."""

    async def make(session: Any) -> None:
        session.wait = asyncio.Event()

    await asyncio.wrap_future(client.call(make))


async def let_go(client: found.FoundClient) -> None:
    async def go(session: Any) -> None:
        session.wait.set()

    await asyncio.wrap_future(client.call(go))


@pytest.mark.parametrize("size", [(80, 24), (160, 48), (40, 10)])
async def test_all_that_there_is_stands_in_one_list(tmp_path: Path, size: tuple[int, int]) -> None:
    async with opened(tmp_path, size=size) as (app, _, pilot):
        await pilot.pause()
        rows = listed(app)
        heads = [row.strip().partition("  ")[0] for row in rows]
        assert [head for head in heads if head in found_groups()] == found_groups()
        assert any("Qwen3-30B-A3B-4bit" in row for row in rows)
        assert "fast" in words(app, "details") + words(app, "title")
        assert "gpt-oss-20b" in words(app, "details")
        assert app.screen.query_one("#rows").size.height >= 5
        await pilot.press("escape")
        await pilot.pause()
        assert app.screen is app.dashboard


def found_groups() -> list[str]:
    return ["In this session", "Running here", "Models on disk", "Built in"]


async def test_the_cursor_starts_on_what_is_in_use_and_details_follow_it(tmp_path: Path) -> None:
    async with opened(tmp_path, STUDIO_IN_USE) as (app, _, pilot):
        assert "! load it again with 65,536 tokens" in words(app, "details")
        await pilot.press("down")
        await pilot.pause()
        assert "port 8080 is taken by 812" in words(app, "details")
        assert "Enter try again" in words(app, "keys")
        await pilot.press("down", "down", "down")
        await until_shown(pilot, lambda: "memory ~22.3 GB of 51.0 GB" in words(app, "details"))


async def test_enter_switches_and_the_steps_are_shown(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await hold(client)
        await pilot.press("down", "enter")
        await until_shown(pilot, lambda: asked(client) == ["switch qwen"])
        loading = replace(fakes.QWEN, state=BackendState.LOADING, log_tail=("Loading weights",))
        backends = (fakes.FAST, loading, *SHOWN.backends[2:])
        client.shown = replace(SHOWN, switching="starting qwen", backends=backends)
        await until_shown(pilot, lambda: "◐ loading, until" in words(app, "details"))
        assert "Switch to qwen" in words(app, "details")
        assert "Loading weights" in words(app, "details")
        assert any("qwen" in row and "loading" in row for row in listed(app))
        assert "c cancel" in words(app, "keys")
        client.shown = replace(SHOWN, active="qwen")
        await let_go(client)
        await until_shown(pilot, lambda: "✓ new requests go to qwen" in words(app, "details"))
        assert "c cancel" not in words(app, "keys")


async def test_what_was_found_and_is_now_in_use_moves_up_and_the_steps_stay(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await hold(client)
        await choose(app, pilot, found.SERVER.spec)
        await until_shown(pilot, lambda: asked(client) == [f"switch {found.SERVER.spec}"])
        used = replace(found.STUDIO, name=found.SERVER.spec, url="http://127.0.0.1:8080")
        client.shown = replace(SHOWN, active=used.name, backends=(fakes.FAST, used))
        await let_go(client)
        await until_shown(
            pilot, lambda: "✓ new requests go to mlx_lm.server" in words(app, "details")
        )
        await pilot.pause(0.3)
        assert "✓ new requests go to mlx_lm.server" in words(app, "details")
        assert any(row.startswith("2 ● openai:http") for row in listed(app))


async def test_why_a_switch_failed_and_who_still_serves_is_shown(tmp_path: Path) -> None:
    async with opened(tmp_path, size=(160, 48)) as (app, client, pilot):
        client.session.refusal = BackendError("no model at /models/qwen: correct the path")
        await pilot.press("2")
        await until_shown(pilot, lambda: "✗ no model at /models/qwen" in words(app, "details"))
        assert "fast still" in words(app, "details")
        await pilot.press("down")
        await pilot.pause()
        assert "✗ no model" not in words(app, "details")


async def test_a_switch_can_be_cancelled(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await hold(client)
        await pilot.press("2")
        await until_shown(pilot, lambda: asked(client) == ["switch qwen"])
        await pilot.press("c")
        await until_shown(pilot, lambda: "cancelled" in words(app, "details"))


async def test_another_choice_takes_the_place_of_one_that_is_under_way(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await hold(client)
        await pilot.press("2")
        await until_shown(pilot, lambda: asked(client) == ["switch qwen"])
        await choose(app, pilot, found.LARGE.spec)
        await until_shown(pilot, lambda: asked(client)[-1] == "switch mlx_lm:/models/large")
        await let_go(client)
        await until_shown(
            pilot, lambda: "✓ new requests go to mlx-community/" in words(app, "details")
        )


async def test_leaving_the_screen_does_not_end_a_switch(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await hold(client)
        await pilot.press("2")
        await until_shown(pilot, lambda: asked(client) == ["switch qwen"])
        await pilot.press("escape")
        await pilot.pause()
        await let_go(client)
        await until_shown(pilot, lambda: client.session.ended == ["switch qwen"])
        assert app.screen is app.dashboard


async def test_what_cannot_be_used_says_what_is_missing(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await choose(app, pilot, found.LOCKED.spec)
        await pilot.pause()
        assert "needs a key" in words(app, "keys")
        await pilot.press("1")
        await pilot.pause()
        assert "fast is in use already" in words(app, "keys")
        assert not asked(client)


async def test_a_model_that_does_not_fit_is_loaded_only_when_meant(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await choose(app, pilot, found.HUGE.spec)
        await until_shown(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("n")
        await pilot.pause()
        assert not asked(client)
        await choose(app, pilot, found.HUGE.spec)
        await pilot.press("y")
        await until_shown(pilot, lambda: asked(client) == [f"switch {found.HUGE.spec}"])


async def test_a_switch_that_was_begun_elsewhere_is_shown_as_well(tmp_path: Path) -> None:
    loading = replace(fakes.QWEN, state=BackendState.LOADING, log_tail=("Loading weights",))
    going = replace(SHOWN, switching="starting qwen", backends=(fakes.FAST, loading))
    async with opened(tmp_path, going) as (app, client, pilot):
        await until_shown(pilot, lambda: "◐ loading, until" in words(app, "details"))
        assert "Under way" in words(app, "details")
        client.shown = replace(SHOWN, active="qwen")
        await until_shown(pilot, lambda: "Under way" not in words(app, "details"))


async def test_find_looks_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        client.session.found = found.NOTHING
        await pilot.press("f")
        await until_shown(pilot, lambda: "0 more running, 0 on disk" in words(app, "title"))
        assert not any("Qwen3-30B" in row for row in listed(app))
        assert client.session.asked.count("discover") == 2


async def test_a_cold_restart_is_for_what_is_in_use(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await pilot.press("r")
        await until_shown(pilot, lambda: "✓ its cache is empty now" in words(app, "details"))
        assert asked(client) == ["restart"]
        await pilot.press("down", "r")
        await pilot.pause()
        assert "only the backend in use can be restarted" in words(app, "keys")


async def test_the_remedy_is_one_key(tmp_path: Path) -> None:
    async with opened(tmp_path, STUDIO_IN_USE) as (app, client, pilot):
        await pilot.press("exclamation_mark")
        await until_shown(pilot, lambda: asked(client) == ["remedy"])
        await pilot.press("up", "exclamation_mark")
        await pilot.pause()
        assert "nothing to mend" in words(app, "keys")


async def test_another_model_is_loaded_with_a_context_length(tmp_path: Path) -> None:
    async with opened(tmp_path, STUDIO_IN_USE) as (app, client, pilot):
        client.session.listed = (CODER, GPT)
        await pilot.press("m")
        await until_shown(pilot, lambda: isinstance(app.screen, Models))
        await pilot.press("down", "enter")
        await until_shown(pilot, lambda: isinstance(app.screen, Context))
        field = app.screen.query_one(Input)
        assert field.value == "65536"
        field.value = "999999"
        await pilot.press("enter")
        assert isinstance(app.screen, Context)  # more than the model's own limit
        field.value = "98304"
        await pilot.press("enter")
        await until_shown(pilot, lambda: asked(client)[-1].startswith("load"))
        assert asked(client)[-1] == "load openai/gpt-oss-20b on studio with 98304"
        await until_shown(
            pilot, lambda: "✓ new requests go to openai/gpt-oss" in words(app, "details")
        )


async def test_models_of_a_server_need_no_context_length(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        client.session.listed = (CODER, GPT)
        await pilot.press("down", "down", "down", "down", "m")
        await until_shown(pilot, lambda: isinstance(app.screen, Models))
        await pilot.press("enter")
        await until_shown(pilot, lambda: asked(client)[-1].startswith("load"))
        assert asked(client)[-1] == f"load {CODER.id} on {found.SERVER.spec} with None"


async def test_mlx_lm_can_be_given_another_model_from_disk(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await pilot.press("down", "m")
        await until_shown(pilot, lambda: isinstance(app.screen, Models))
        await pilot.press("enter")
        await until_shown(pilot, lambda: asked(client)[-1] == f"switch {found.LARGE.spec}")


async def test_models_that_cannot_be_had_are_an_error_in_words(tmp_path: Path) -> None:
    async with opened(tmp_path, STUDIO_IN_USE) as (app, client, pilot):
        client.session.refusal = BackendError("LM Studio does not list its models")
        await pilot.press("m")
        await until_shown(pilot, lambda: "LM Studio does not list its models" in words(app, "keys"))


async def test_unloading_what_is_in_use_asks_first(tmp_path: Path) -> None:
    async with opened(tmp_path, STUDIO_IN_USE) as (app, client, pilot):
        await pilot.press("u")
        assert isinstance(app.screen, Question)
        await pilot.press("n")
        await pilot.pause()
        assert not asked(client)
        await pilot.press("u", "y")
        await until_shown(pilot, lambda: asked(client) == ["unload qwen/qwen3-coder-30b of studio"])


async def test_a_server_of_ours_that_is_kept_can_be_stopped(tmp_path: Path) -> None:
    async with opened(tmp_path, STUDIO_IN_USE) as (app, client, pilot):
        await pilot.press("up", "up", "u")
        await until_shown(pilot, lambda: asked(client) == ["release fast"])
        await pilot.press("down", "u")
        await pilot.pause()
        assert "it is not running" in words(app, "keys")
    async with opened(tmp_path) as (app, client, pilot):
        await pilot.press("u")
        await pilot.pause()
        assert "fast is in use: switch to another backend first" in words(app, "keys")


async def test_the_log_is_followed(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        await pilot.press("l")
        assert isinstance(app.screen, Log)
        assert "POST /v1/chat/completions 200" in str(app.screen.query_one("#words").render())
        more = replace(fakes.FAST, log_tail=(*fakes.FAST.log_tail, "a new [line]"))
        client.shown = replace(SHOWN, backends=(more,))
        await until_shown(
            pilot, lambda: "a new [line]" in str(app.screen.query_one("#words").render())
        )
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, BackendsScreen)
        await pilot.press("l")
        assert isinstance(app.screen, Log)


async def test_a_search_that_fails_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path) as (app, client, pilot):
        client.session.found_refusal = OSError("no sockets left")
        await pilot.press("f")
        await until_shown(pilot, lambda: "the search failed: no sockets left" in words(app, "keys"))


async def test_a_number_is_the_key_after_the_leader(tmp_path: Path) -> None:
    """What was only found has none: there it would be no command, or another backend's."""
    async with opened(tmp_path, size=(120, 40)) as (app, client, pilot):
        await until_shown(pilot, lambda: any("Llama-3.2" in line for line in listed(app)))
        numbered = [line for line in listed(app) if line.strip()[:1].isdigit()]
        assert [line.split()[:3:2] for line in numbered] == [
            [str(place + 1), status.name] for place, status in enumerate(SHOWN.backends)
        ]
        await pilot.press(str(len(SHOWN.backends) + 1))
        assert asked(client) == []
