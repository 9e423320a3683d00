"""`make screenshots`: pictures of scripted sessions, as SVG, and the large ones as PNG where
chromium or rsvg-convert is installed.

    python -m tools.screenshots [NAME…]    make them anew in screenshots/
    python -m tools.screenshots --check    exit 1 when the text in one is not what is drawn now

The figures are those of a real run with the simulator, recorded by `tools/record_run.py`; the pane
shows what the real Claude Code wrote (`tools/scene.py`).
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import functools
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from msgspec.structs import replace
from textual.pilot import Pilot
from textual.screen import Screen

from anyclaude_tui import config
from anyclaude_tui.app import DashboardApp
from anyclaude_tui.compare.job import Job
from anyclaude_tui.compare.measuring.live import Live
from anyclaude_tui.config.settings import DashboardSettings
from anyclaude_tui.screens.compare.result_screen import CompareResultScreen
from anyclaude_tui.screens.compare.run_screen import CompareRunScreen
from anyclaude_tui.session.request_material import Material
from anyclaude_tui.telemetry.hub import Snapshot
from tests.screens import fakes, found
from tools import record_run
from tools.scene import SIZES as SCENE_SIZES
from tools.scene import UNTIL, scene

FOLDER = Path(__file__).parents[1] / "screenshots"
SIZES = ((160, 48), (80, 24))
LEADER = "ctrl+right_square_bracket"
CONFIG = """\
backend = "coder"

[backends.coder]
kind = "mlx_lm"
model = "~/models/Qwen3-Coder-30B-A3B-Instruct-4bit"
context_window = 65536

[limits]
first_byte_s = 1800
"""
_SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture."""

    name: str
    client: Callable[[Path], Any]
    keys: tuple[str, ...] = ()
    until: str = UNTIL
    """The picture is taken when this is on the screen."""
    theme: str = "anyclaude"
    screen: Callable[[fakes.FakeClient], Screen[Any]] | None = None
    """Opened over the dashboard, where keys alone do not lead there."""


class RecordedClient(found.FoundClient):
    """The session as it was recorded (`tools/record_run.py`)."""

    def __init__(self, home: Path, shown: Snapshot) -> None:
        super().__init__(home, shown)
        self.session.found = recording().found

    def request_material(self, request_id: str) -> concurrent.futures.Future[Material | None]:
        return fakes.done(recording().material.get(request_id))

    def last_turn(self) -> concurrent.futures.Future[dict[str, Any] | None]:
        return fakes.done(None)


@functools.cache
def recording() -> record_run.Recording:
    """The recorded run, read once."""
    return record_run.load()


def _decoding(home: Path) -> RecordedClient:
    return RecordedClient(home, recording().decode)


def _prefilling(home: Path) -> RecordedClient:
    return RecordedClient(home, recording().prefill)


def _idle(home: Path) -> RecordedClient:
    return RecordedClient(home, recording().idle)


class _Held(Job):
    """A job that goes no further."""

    def __init__(self, live: Live) -> None:
        self.live, self.result = live, None

    def start(self) -> concurrent.futures.Future[None]:
        return concurrent.futures.Future()

    def stop(self) -> None:
        pass


def _comparing(client: fakes.FakeClient) -> Screen[Any]:
    at = recording().comparing
    return CompareRunScreen(client, at.order, _Held(at.live), lambda: at.now)


def _compared(client: fakes.FakeClient) -> Screen[Any]:
    return CompareResultScreen(client, recording().saved, None, just_run=True)


SHOTS = (
    Shot("dashboard", _decoding),
    Shot("light", _decoding, theme="anyclaude-light"),
    Shot("prefill", _prefilling),
    Shot("backends", _idle, (LEADER, "b"), "on disk"),
    Shot("requests", _idle, (LEADER, "i"), "Requests"),
    Shot("request", _idle, (LEADER, "i", "down", "enter"), "gap p99"),
    Shot("comparing", _idle, until="decode", screen=_comparing),
    Shot("verdict", _idle, until="bottleneck", screen=_compared),
    Shot("settings", _idle, (LEADER, ","), "keep_backends"),
    Shot("help", _idle, (LEADER, "?"), "every other key"),
)


async def picture(shot: Shot, size: tuple[int, int], folder: Path) -> str:
    """The SVG of a shot; `folder` is the home of who made it."""
    width, height = size
    light = shot.theme.endswith("-light")
    written = scene("light" if light else "dark", *SCENE_SIZES[0 if width == 160 else 1])
    home = folder / ".anyclaude"
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(CONFIG, encoding="utf-8")
    client = shot.client(home)
    client.script = f"stty raw -echo; cat '{written}'; exec sleep 1000"
    settings = replace(config.parse(CONFIG, ""), dashboard=DashboardSettings(theme=shot.theme))
    app = DashboardApp(client, settings)
    try:
        async with app.run_test(size=(width, height)) as pilot:
            await _until(app, pilot, UNTIL)
            if shot.screen is not None:
                app.push_screen(shot.screen(client))
            await pilot.press(*shot.keys)
            await _until(app, pilot, shot.until)
            return app.export_screenshot(title=f"anyclaude-tui {shot.name}")
    finally:
        if isinstance(client, found.FoundClient):
            client.close()


async def _until(app: DashboardApp, pilot: Pilot[Any], words: str) -> None:
    async with asyncio.timeout(20):
        while words not in _shown(app):
            await pilot.pause(0.02)
    await pilot.pause()


def _shown(app: DashboardApp) -> str:
    return "\n".join(row.text for row in app.screen._compositor.render_strips())


@contextmanager
def stage() -> Iterator[Path]:
    """A temporary home, and UTC: what the screens show is the same everywhere."""
    changed = {"HOME": "", "TZ": "UTC", "ANYCLAUDE_HOME": None, "NO_COLOR": None}
    before = {name: os.environ.get(name) for name in changed}
    where = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="screenshots-") as folder:
        _set_all({**changed, "HOME": folder})
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            os.chdir(where)
            _set_all(before)


def _set_all(variables: dict[str, str | None]) -> None:
    for name, value in variables.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    time.tzset()


def text_of(svg: str) -> list[str]:
    """The rows of text in a picture of Rich's, from top to bottom, without its styles."""
    rows: dict[float, list[tuple[float, str]]] = {}
    for element in ElementTree.fromstring(svg).iter(f"{_SVG}text"):
        where = element.get("y")
        if where is None or "title" in (element.get("class") or ""):
            continue
        found = rows.setdefault(float(where), [])
        found.append((float(element.get("x") or 0), element.text or ""))
    made = ("".join(words for _, words in sorted(rows[y])) for y in sorted(rows))
    return [re.sub(r"[\s\xa0]+", " ", row).strip() for row in made]


def write_png(svg: Path) -> bool:
    """The PNG beside an SVG; False where no program for it is installed."""
    png = svg.with_suffix(".png")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is not None:
        box = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg.read_text(encoding="utf-8"))
        assert box is not None
        width, height = (round(float(part)) for part in box.groups())
        command = [chromium, "--headless=new", "--no-sandbox", "--disable-gpu"]
        command += ["--hide-scrollbars", f"--window-size={width},{height}"]
        command += [f"--screenshot={png}", svg.resolve().as_uri()]
    elif shutil.which("rsvg-convert") is not None:
        command = ["rsvg-convert", str(svg), "-o", str(png)]
    else:
        return False
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    return done.returncode == 0 and png.exists()


async def make(names: list[str]) -> None:
    """Write the pictures."""
    FOLDER.mkdir(exist_ok=True)
    with stage() as folder:
        for shot in SHOTS:
            if names and shot.name not in names:
                continue
            for size in SIZES:
                path = FOLDER / f"{shot.name}-{size[0]}x{size[1]}.svg"
                path.write_text(await picture(shot, size, folder), encoding="utf-8")
                png = size == SIZES[0] and await asyncio.to_thread(write_png, path)
                print(f"{path.name}{' and .png' if png else ''}")


async def stale() -> list[str]:
    """The pictures whose text is not what is drawn now."""
    wrong = []
    with stage() as folder:
        for shot in SHOTS:
            for size in SIZES:
                path = FOLDER / f"{shot.name}-{size[0]}x{size[1]}.svg"
                now = text_of(await picture(shot, size, folder))
                if not path.exists() or text_of(path.read_text(encoding="utf-8")) != now:
                    wrong.append(path.name)
    return wrong


if __name__ == "__main__":
    if "--check" in sys.argv:
        found_stale = asyncio.run(stale())
        if found_stale:
            sys.exit(f"not current, run `make screenshots`: {', '.join(found_stale)}")
    else:
        asyncio.run(make(sys.argv[1:]))
