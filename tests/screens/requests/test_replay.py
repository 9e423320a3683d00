"""A request sent again, through a real session with simulated backends."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import msgspec
import pytest

from anyclaude_tui.app import DashboardApp
from anyclaude_tui.compare.measuring.replay import Replayed
from anyclaude_tui.compare.measuring.run import Run
from anyclaude_tui.compare.measuring.timed_run import through_proxy
from anyclaude_tui.config.settings import BackendSettings, DashboardSettings, LogSettings, Settings
from anyclaude_tui.screens.requests.details import RequestDetailsScreen
from anyclaude_tui.screens.requests.dialogs import Pick, Replay
from anyclaude_tui.session.session import Session
from anyclaude_tui.session.thread import SessionThread
from tests.proxy.conversations import body
from tests.screens import fakes, found
from tests.screens.dashboard.test_screen import LEADER
from tests.support.waiting import until

SETTINGS = Settings(
    backends={
        "one": BackendSettings(kind="simulator", profile="fast"),
        "two": BackendSettings(kind="simulator", profile="fast"),
    },
    backend="one",
    logs=LogSettings(requests=False),
    dashboard=DashboardSettings(theme="anyclaude"),
)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[SessionThread]:
    thread = SessionThread(lambda: Session(SETTINGS, home=tmp_path, cwd=str(tmp_path)))
    thread.start()
    yield thread
    thread.stop()


async def replayed(app: DashboardApp) -> Replayed:
    """The result of the replay on the screen."""
    await until(lambda: isinstance(app.screen, Replay))
    replay = app.screen
    assert isinstance(replay, Replay)
    await until(lambda: replay._result is not None or bool(replay._error))
    assert replay._result is not None, replay._error
    return replay._result


async def ask(client: SessionThread) -> None:
    """One request from outside."""

    async def send(session: Session) -> None:
        await session.ready()
        async with aiohttp.ClientSession() as http:
            made = {**body(), "max_tokens": 40}
            await through_proxy(Run("x"), http, session.url, session.token, session.hub, made)

    await asyncio.wrap_future(client.call(send))


async def test_replay_here_and_on_another_backend(client: SessionThread) -> None:
    await ask(client)
    await until(lambda: bool(client.snapshot.recent))
    first = client.snapshot.recent[0]
    app = DashboardApp(client, SETTINGS, external=True)
    async with app.run_test(size=(100, 40), notifications=True) as pilot:
        await pilot.press(LEADER, "i", "enter")
        shown = app.screen
        assert isinstance(shown, RequestDetailsScreen)
        await until(lambda: shown._material is not None)

        await pilot.press("r")
        await until(lambda: isinstance(app.screen, Pick))
        await pilot.press("enter")
        result = await replayed(app)
        assert result.view.backend == "one"
        assert result.view.output_tokens.value == first.output_tokens.value
        await until(lambda: len(client.snapshot.recent) == 2)  # this session served it
        await pilot.press("escape")

        await pilot.press("r")
        await until(lambda: isinstance(app.screen, Pick))
        await pilot.press("down", "enter")
        result = await replayed(app)
        assert result.text
        assert len(client.snapshot.recent) == 2  # a session of its own served it
        assert client.snapshot.active == "one"
        app.exit(0)


async def test_every_backend_that_could_be_started_is_offered(tmp_path: Path) -> None:
    """As the comparison offers them: servers that run, models on disk, the simulator."""
    made = found.FoundClient(tmp_path, fakes.snapshot())
    try:
        app = DashboardApp(made, SETTINGS, external=True)
        async with app.run_test(size=(100, 40)) as pilot:
            pick, chosen = Pick("Send it again to", made), list[str | None]()
            app.push_screen(pick, chosen.append)
            await until(lambda: any(row.spec == found.SMALL.spec for row in pick._rows))
            specs = [row.spec for row in pick._rows]
            assert specs[:2] == [status.name for status in made.snapshot.backends]
            assert found.SERVER.spec in specs
            assert "simulator" in " ".join(specs)
            assert found.LOCKED.spec not in specs  # it needs a key
            assert found.HUGE.spec not in specs  # it does not fit
            at = specs.index(found.SMALL.spec)
            await pilot.press(*["down"] * at, "enter")
            await until(lambda: chosen == [found.SMALL.spec])
            app.exit(0)
    finally:
        made.close()


async def test_a_replay_that_is_left_is_cancelled(client: SessionThread) -> None:
    await ask(client)
    await until(lambda: bool(client.snapshot.recent))
    never_ends = '[[simulate {"fault": "stall"}]]'
    slow = msgspec.json.encode({**body(), "messages": [{"role": "user", "content": never_ends}]})
    app = DashboardApp(client, SETTINGS, external=True)
    async with app.run_test(size=(100, 40)) as pilot:
        app.push_screen(Replay(client, client.snapshot.recent[0], slow, "one"))
        await until(lambda: bool(client.snapshot.in_flight))
        await pilot.press("escape")
        await until(lambda: not client.snapshot.in_flight)
        assert str(client.snapshot.recent[0].outcome) == "cancelled"
        app.exit(0)


async def test_a_backend_that_does_not_come_up_says_why(client: SessionThread) -> None:
    await ask(client)
    await until(lambda: bool(client.snapshot.recent))
    made = msgspec.json.encode(body())
    app = DashboardApp(client, SETTINGS, external=True)
    async with app.run_test(size=(100, 40)) as pilot:
        replay = Replay(client, client.snapshot.recent[0], made, "openai:http://127.0.0.1:9/v1")
        app.push_screen(replay)
        await until(lambda: bool(replay._error))
        assert "127.0.0.1:9" in replay._error
        await pilot.press("escape")
        app.exit(0)
