"""The screens about requests and logs as they look, at three sizes, dark and light."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.widgets.scroller import Scroller
from tests.screens import kept, pictures
from tests.screens.requests.test_screen import on_top, opened, screen
from tests.screens.test_logs import body, log_file
from tests.screens.test_logs import screen as logs
from tests.support.waiting import until

ONE = ("down", "enter")
REQUESTS: dict[str, tuple[str, ...]] = {
    "requests": ("down",),
    "requests-filter": ("slash", *"role:main tok/s:>60", "enter", "s", "s"),
    "requests-none": ("slash", *"backend:x"),
    "request-overview": ONE,
    "request-sizes": (*ONE, "2"),
    "request-tools": (*ONE, "2", "o", "down", "enter"),
    "request-prefix": (*ONE, "3"),
    "request-body": (*ONE, "4"),
    "request-response": (*ONE, "6"),
    "request-search": (*ONE, "4", "slash", *"print", "enter"),
    "request-running": ("enter",),
    "request-forgotten": (*["down"] * 5, "enter", "4"),
    "request-pick": (*ONE, "r"),
}
LOGS: dict[str, tuple[str, ...]] = {
    "logs": (),
    "logs-errors": ("l", "l", "l"),
    "logs-search": ("slash", *"metal", "enter"),
    "logs-proxy": ("2",),
}
BY_SIZE = pytest.mark.parametrize("size", pictures.SIZES, ids=lambda size: f"{size[0]}x{size[1]}")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths on the screens are the same everywhere."""
    monkeypatch.chdir(tmp_path)
    Path("home").mkdir()


@BY_SIZE
@pytest.mark.parametrize("state", REQUESTS)
async def test_requests(state: str, size: tuple[int, int]) -> None:
    keys = REQUESTS[state]
    late = "enter" in keys and not state.startswith("requests")
    # The tabs have content when the session has answered.
    place = keys.index("enter") + 1 if late else len(keys)
    first, then = keys[:place], keys[place:]
    async with screen(kept.usual(Path("home")), size, *first) as (_, pilot):
        if late:
            await opened(pilot)
        await pilot.press(*then)
        if late and state not in ("request-pick", "request-tools"):
            shown = on_top(pilot).query_one("#body", Scroller)
            await until(lambda: "Reading" not in str(shown._draw(0)))
        await pilot.pause()
        await pictures.compare(pilot.app, pilot, f"{state}-{size[0]}x{size[1]}")


@BY_SIZE
@pytest.mark.parametrize("state", LOGS)
async def test_logs(state: str, size: tuple[int, int]) -> None:
    log_file(Path("home"))
    async with logs(Path("home"), size) as pilot:
        await until(lambda: "metal::malloc" in body(pilot))
        await pilot.press(*LOGS[state])
        await until(lambda: bool(body(pilot)))
        await pilot.pause()
        await pictures.compare(pilot.app, pilot, f"{state}-{size[0]}x{size[1]}")


@pytest.mark.parametrize("theme", ["anyclaude", "anyclaude-light"])
@pytest.mark.parametrize(
    "keys",
    [
        (),
        ("down",) * 4,
        ("down",) * 5,
        ("down",) * 6,
        ("enter",),
        ("down", "enter", "2"),
        ("down", "enter", "3"),
        (*ONE, "4"),
    ],
)
async def test_everything_can_be_read(keys: tuple[str, ...], theme: str) -> None:
    async with screen(kept.usual(Path("home")), (160, 48)) as (_, pilot):
        pilot.app.theme = theme
        await pilot.press(*keys)
        if "enter" in keys:
            await opened(pilot)
        await pilot.pause()
        pictures.assert_readable(pilot.app)
