"""Work that no request waits for: done afterwards, in its order, in slices between the streams.

`Afterwards` decides what is done when, and holds no loop; `Idle` is its timer. Nothing is lost:
what is too much is done at once, and the rest at the end.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

SLICE_S = 0.002
"""A slice of work ends with the job in which this is over: a stream waits for one at most."""
QUIET_S = 0.02
"""No stream has had anything for so long: now is the time."""
LATEST_S = 0.25
"""A job is begun after this, however busy the streams are."""
MOST_JOBS = 200
"""So many may wait; with one more the oldest is done at once."""

Job = Callable[[], None]


class Afterwards:
    """A queue of jobs. `clock` gives monotonic seconds; `failed` is told of a job that raised."""

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        failed: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self._clock = clock
        self._failed = failed
        self._jobs: deque[tuple[float, Job]] = deque()
        """The jobs, and when each was added."""
        self._busy_at = clock()

    def __len__(self) -> int:
        return len(self._jobs)

    def busy(self) -> None:
        """Note that a stream has something to do just now."""
        self._busy_at = self._clock()

    def add(self, job: Job) -> None:
        """Have `job` done later, behind those added before it."""
        self._jobs.append((self._clock(), job))
        while len(self._jobs) > MOST_JOBS:
            self._next()

    def wait_s(self) -> float | None:
        """Seconds until a slice may begin, never negative; None where there is nothing to do."""
        if not self._jobs:
            return None
        at = min(self._busy_at + QUIET_S, self._jobs[0][0] + LATEST_S)
        return max(0.0, at - self._clock())

    def work(self) -> None:
        """Do a slice: one job at least, and no more once SLICE_S is over."""
        end = self._clock() + SLICE_S
        while self._jobs:
            self._next()
            if self._clock() >= end:
                break

    def finish(self) -> None:
        """Do all that is left, and what that adds."""
        while self._jobs:
            self._next()

    def _next(self) -> None:
        _, job = self._jobs.popleft()
        try:
            job()
        except Exception as error:  # those behind it are done all the same
            self._failed(error)


class Idle(Afterwards):
    """The same on the running loop: slices begin by themselves. Used on that loop only."""

    _timer: asyncio.TimerHandle | None = None

    def add(self, job: Job) -> None:
        """See Afterwards."""
        super().add(job)
        if self._timer is None:
            self._wait()

    def _wait(self) -> None:
        wait_s = self.wait_s()
        self._timer = None
        if wait_s is not None:
            # Also where it is 0: the loop first looks whether a stream has something.
            self._timer = asyncio.get_running_loop().call_later(wait_s, self._look)

    def _look(self) -> None:
        if not self.wait_s():
            self.work()
        self._wait()
