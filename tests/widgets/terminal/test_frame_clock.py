"""When frames are painted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import pytest

from anyclaude_tui.widgets.terminal.frame_clock import FAST_FRAME_S, FRAME_S, FrameClock


class Timer:
    """What the loop gives for a callback that waits."""

    def __init__(self, at: float, callback: Callable[[], None]) -> None:
        self.at, self.callback, self.over = at, callback, False

    def when(self) -> float:
        return self.at

    def cancel(self) -> None:
        self.over = True


class Loop:
    """The two methods of the event loop that matter here, with a time that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_at(self, at: float, callback: Callable[[], None]) -> Timer:
        self.timers.append(Timer(at, callback))
        return self.timers[-1]

    def pass_by(self, seconds: float) -> None:
        """Runs what is due in this time, each at its own."""
        end = self.now + seconds
        while due := [timer for timer in self.timers if not timer.over and timer.at <= end]:
            timer = min(due, key=Timer.when)
            timer.over = True
            self.now = max(self.now, timer.at)
            timer.callback()
        self.now = end


class Painter:
    def __init__(self) -> None:
        self.times: list[float] = []
        self.can = True
        self.loop = Loop()
        self.clock = FrameClock(self._paint)
        self.clock._loop = cast("asyncio.AbstractEventLoop", self.loop)

    def _paint(self) -> bool:
        self.times.append(self.loop.time())
        return self.can


async def test_at_once_after_silence_then_at_the_frame_rate() -> None:
    painter = Painter()
    painter.clock.request()
    painter.loop.pass_by(0)
    assert len(painter.times) == 1
    for _ in range(50):
        painter.clock.request()
        painter.loop.pass_by(FRAME_S / 60)
    assert len(painter.times) == 1
    assert not painter.clock.due
    painter.loop.pass_by(FRAME_S * 1.5)
    assert len(painter.times) == 2
    assert painter.times[1] - painter.times[0] == pytest.approx(FRAME_S)
    painter.clock.stop()


async def test_a_key_brings_the_frame_forward() -> None:
    painter = Painter()
    painter.clock.request()
    painter.loop.pass_by(0)
    painter.clock.request()
    painter.clock.boost()
    painter.loop.pass_by(0)
    assert len(painter.times) == 2
    painter.clock.request()
    painter.loop.pass_by(FAST_FRAME_S * 2)
    assert len(painter.times) == 3
    assert painter.times[2] - painter.times[1] == pytest.approx(FAST_FRAME_S)


async def test_a_frame_not_painted_does_not_put_off_the_next() -> None:
    painter = Painter()
    painter.can = False
    painter.clock.request()
    painter.loop.pass_by(0)
    assert painter.clock.due
    painter.clock.request(after_s=10)
    painter.clock.request()  # sooner
    painter.loop.pass_by(0)
    assert len(painter.times) == 2
    painter.clock.request(after_s=10)
    painter.clock.stop()
    painter.loop.pass_by(20)
    assert len(painter.times) == 2
