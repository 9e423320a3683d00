"""When frames are painted."""

from __future__ import annotations

import asyncio

from anyclaude_tui.widgets.terminal.frame_clock import FAST_FRAME_S, FRAME_S, FrameClock


class Painter:
    def __init__(self) -> None:
        self.times: list[float] = []
        self.can = True
        self.clock = FrameClock(self._paint)

    def _paint(self) -> bool:
        self.times.append(asyncio.get_running_loop().time())
        return self.can


async def test_at_once_after_silence_then_at_the_frame_rate() -> None:
    painter = Painter()
    painter.clock.request()
    await asyncio.sleep(0.005)
    assert len(painter.times) == 1
    for _ in range(50):
        painter.clock.request()
        await asyncio.sleep(0)
    assert len(painter.times) == 1
    assert not painter.clock.due
    await asyncio.sleep(FRAME_S * 1.5)
    assert len(painter.times) == 2
    assert painter.times[1] - painter.times[0] >= FRAME_S * 0.9
    painter.clock.stop()


async def test_a_key_brings_the_frame_forward() -> None:
    painter = Painter()
    painter.clock.request()
    await asyncio.sleep(0.005)
    painter.clock.request()
    painter.clock.boost()
    await asyncio.sleep(0.005)
    assert len(painter.times) == 2
    painter.clock.request()
    await asyncio.sleep(FAST_FRAME_S * 2)
    assert len(painter.times) == 3


async def test_a_frame_not_painted_does_not_put_off_the_next() -> None:
    painter = Painter()
    painter.can = False
    painter.clock.request()
    await asyncio.sleep(0.005)
    assert painter.clock.due
    painter.clock.request(after_s=10)
    painter.clock.request()  # sooner
    await asyncio.sleep(0.005)
    assert len(painter.times) == 2
    painter.clock.request(after_s=10)
    painter.clock.stop()
