"""`make demo`: screenshots/demo.svg, a moving picture of a session that really runs.

The dashboard, the proxy and the real Claude Code run as a user's do; the two models are simulated,
and labelled so on the screen. Ask → prefill → answer → switch → answer. What is drawn is kept as
frames, and shown again at the pace at which it was drawn.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.e2e.claude import COMMAND, clean_environment, settle

TARGET = Path(__file__).parents[1] / "screenshots" / "demo.svg"
SIZE = (132, 36)
LEADER = "ctrl+right_square_bracket"
EVERY_S = 0.5
LAST_S = 4.0
"""The last frame stays this long."""
CONFIG = """\
backend = "gpt-oss-20b"
[claude]
command = {command}
[dashboard]
theme = "anyclaude"
[backends.gpt-oss-20b]
kind = "simulator"
profile = "fast,speed=2"
[backends.qwen3-42b]
kind = "simulator"
profile = "slow,speed=8"
"""


@dataclass
class Film:
    """The frames that were drawn, one after the other."""

    app: Any
    frames: list[tuple[float, str]] = field(default_factory=list)
    """(seconds from the beginning, SVG); a frame like the one before is not kept."""
    _began: float = field(default_factory=time.monotonic)

    def take(self) -> None:
        made = self.app.export_screenshot(title="anyclaude-tui")
        if not self.frames or _drawn(made) != _drawn(self.frames[-1][1]):
            self.frames.append((time.monotonic() - self._began, made))

    async def until(self, pilot: Pilot[Any], words: str, timeout_s: float = 90) -> None:
        """Frames until `words` are on the screen."""
        async with asyncio.timeout(timeout_s):
            while words not in self.text():
                self.take()
                await pilot.pause(EVERY_S)
        self.take()

    async def typed(self, pilot: Pilot[Any], words: str) -> None:
        """Frames of words that are typed."""
        for letter in words:
            await pilot.press({" ": "space", "?": "question_mark"}.get(letter, letter))
        await pilot.pause(EVERY_S)
        self.take()
        await pilot.press("enter")

    def text(self) -> str:
        return "\n".join(row.text for row in self.app.screen._compositor.render_strips())


def _drawn(svg: str) -> str:
    """An SVG of Rich's without what differs from one export to the next."""
    return re.sub(r"terminal-\d+", "", svg)


async def film() -> list[tuple[float, str]]:
    """The session, from the first question to the second answer."""
    from anyclaude_tui.app import DashboardApp
    from anyclaude_tui.cli.running_session import start_session_thread

    loaded, thread = start_session_thread(argparse.Namespace(claude_args=[]))
    app = DashboardApp(thread, loaded.settings)
    try:
        async with app.run_test(size=SIZE) as pilot:
            made = Film(app)
            while "❯" not in made.text():  # the start is not shown
                await pilot.pause(EVERY_S)
            await pilot.pause(1.5)
            made = Film(app)
            await made.typed(pilot, "what does this project do?")
            await made.until(pilot, " 1 request ")
            await pilot.pause(1)
            made.take()
            await pilot.press(LEADER, "2")
            await made.until(pilot, "qwen3-42b · ")
            await made.typed(pilot, "and how do I run its tests?")
            await made.until(pilot, " 2 requests ")
            await pilot.pause(1)
            made.take()
            return made.frames
    finally:
        await asyncio.to_thread(thread.stop)


def animated(frames: list[tuple[float, str]]) -> str:
    """One SVG that shows the frames one after the other, for ever."""
    ends = [at for at, _ in frames[1:]] + [frames[-1][0] + LAST_S]
    whole = ends[-1] - frames[0][0]
    styles, groups = [], []
    for number, ((at, svg), end) in enumerate(zip(frames, ends, strict=True)):
        start, stop = (100 * (moment - frames[0][0]) / whole for moment in (at, end))
        hidden = "" if number == 0 else "0%{visibility:hidden}"
        styles.append(
            f"@keyframes f{number}{{{hidden}{start:.2f}%{{visibility:visible}}"
            f"{stop:.2f}%{{visibility:hidden}}}}"
            f".f{number}{{visibility:hidden;animation:f{number} {whole:.1f}s step-end infinite}}"
        )
        inside = svg[svg.index(">") + 1 : svg.rindex("</svg>")]
        groups.append(f'<g class="f{number}">{inside}</g>')
    opening = frames[0][1][: frames[0][1].index(">") + 1]
    return f"{opening}<style>{''.join(styles)}</style>{''.join(groups)}</svg>\n"


def main() -> None:
    """Make the film in a home of its own."""
    with tempfile.TemporaryDirectory(prefix="demo-") as folder:
        home, project = Path(folder).resolve(), Path(folder).resolve() / "importer"
        project.mkdir()
        (project / "README.md").write_text("# importer\n\nReads orders from a CSV file.\n")
        env = clean_environment(home) | {"TZ": "UTC", "IS_SANDBOX": "1"}
        settle(home, project)
        ours = Path(env["ANYCLAUDE_HOME"])
        ours.mkdir(mode=0o700)
        (ours / "config.toml").write_text(CONFIG.format(command=repr(str(COMMAND))))
        os.environ.clear()
        os.environ.update(env)
        os.chdir(project)
        frames = asyncio.run(film())
        os.chdir("/")
    TARGET.write_text(animated(frames), encoding="utf-8")
    print(f"{TARGET}: {len(frames)} frames, {TARGET.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
