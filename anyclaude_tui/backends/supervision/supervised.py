"""The life of a server that we start: brought up, watched, restarted, brought down.

One task, the keeper, owns the life and alone changes the state; callers ask it and wait.
docs/architecture.md, "Supervision". Subclasses say what to run and how to see that it serves.
"""

from __future__ import annotations

import asyncio
import secrets
import shlex
import time
from abc import abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from anyclaude_tui.backends import http, machine
from anyclaude_tui.backends.base import (
    Backend,
    BackendError,
    BackendState,
    BackendStatus,
    Endpoint,
    Finding,
    as_finding,
)
from anyclaude_tui.backends.http_client import QUESTION_TIMEOUT_S, Client, HttpError, TimedOut
from anyclaude_tui.backends.slots.source import of_setting
from anyclaude_tui.backends.supervision import environment, exits, listening, pidfiles
from anyclaude_tui.backends.supervision.process import STOP_GRACE_S, ServerProcess
from anyclaude_tui.backends.supervision.serverlog import ServerLog, file_name
from anyclaude_tui.config.settings import BackendSettings

RESTARTS_MAX = 3
RESTARTS_WINDOW_S = 300.0
BACK_OFF_S = (0.2, 2.0, 10.0)
WATCH_S = 5.0
"""Seconds between two questions to a ready server whether it still serves."""
UNANSWERED_DEGRADED = 3
UNANSWERED_DEAD = 24
"""Health questions in a row without an answer: a busy server may be slow to answer them,
so it takes two minutes until it counts as dead."""
LOAD_TIMEOUT_S = 1800.0
LOAD_POLL_S = 0.1
LOG_LINES_SHOWN = 50

_UP = (BackendState.READY, BackendState.DEGRADED)


class NotServingError(BackendError):
    """The server is alive but will not serve again by itself; the text is the reason."""


class SupervisedBackend(Backend):
    """A model server in a child process of ours, on a port of loopback."""

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name)
        self.settings = settings
        self.home = home
        self.port = 0
        self._key = ""
        """A new one at every start."""
        self._log = ServerLog(home / "server-logs" / f"{file_name(name)}.log")
        self._process: ServerProcess | None = None
        self._state = BackendState.STOPPED
        self._reason = ""
        self._changed = asyncio.Event()
        self._keeper: asyncio.Task[None] | None = None
        self._dead = asyncio.Event()
        self._dead_reason = ""
        self._endpoint: Endpoint | None = None
        self._restarts = 0
        self._restart_times: deque[float] = deque(maxlen=RESTARTS_MAX)
        self._warnings: tuple[str, ...] = ()
        self._template: tuple[tuple[str, str], ...] = ()

    # What a subclass says

    @abstractmethod
    def command(self, port: int) -> Sequence[str]:
        """The command line, launcher included."""

    @abstractmethod
    async def connect(self, client: Client) -> Endpoint:
        """Ask for a short chat; the endpoint when it was answered.

        Raises HttpError or StillLoading while there is no answer yet, NotServingError
        when there will never be one.
        """

    key_variable = ""
    """The variable by which the server takes a key, which its requests must then carry; empty
    where it takes none, or only on its command line, where `ps` shows it to everybody."""

    def environment(self) -> Mapping[str, str]:
        """The variables that are added to our environment."""
        return {}

    def needed_variables(self) -> Sequence[str]:
        """The names of our variables with secrets that the server cannot do without."""
        return ()

    @property
    def stop_grace_s(self) -> float:
        """Seconds that it may take to end before it is killed."""
        return STOP_GRACE_S

    @property
    def model_name(self) -> str | None:
        """The model, as a person calls it."""
        return self.settings.model

    async def check(self) -> tuple[str, ...]:
        """Look before the start. Returns warnings; raises BackendError when it cannot work."""
        return ()

    def explain_exit(self, reason: str, tail: Sequence[str]) -> str:
        """The reason why it ended, with what to do about it."""
        return reason

    async def still_serves(self, client: Client) -> None:
        """A cheap look at a ready server. Raises like `connect`."""
        answer = await client.get("/health")
        if answer.status_code != 200:
            raise NotServingError(http.words(answer))

    # What everybody may ask

    async def start(self) -> None:
        """See Backend. A start that is cancelled goes on in the background until `stop`."""
        if self._keeper is None or self._keeper.done():
            self._restart_times.clear()
            self._set(BackendState.STARTING)
            self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self.name}")
        await self._settled()

    async def stop(self) -> None:
        """End the process group and wait until it has ended."""
        keeper = self._keeper
        if keeper is not None:
            if not keeper.done() and not keeper.cancelling():  # cancelled again it would not wait
                self._set(BackendState.STOPPING)
                keeper.cancel()
            await asyncio.wait([keeper])
        self._set(BackendState.STOPPED)
        self._log.close()

    async def restart(self) -> None:
        """See Backend; counted among its restarts, as those by itself are."""
        await self.stop()
        self._restarts += 1
        await self.start()

    async def look(self) -> Sequence[Finding]:
        """See Backend: what `check` finds."""
        warnings = await self.check()
        words = f"{self.model_name or self.kind}: it is started when it is needed"
        return (Finding(words), *map(as_finding, warnings))

    async def recover(self) -> None:
        """See Backend: looks whether it serves, and waits for the restart when it does not."""
        if self._state in _UP:
            try:
                async with self.client() as client:
                    await self.still_serves(client)
            except TimedOut:
                pass  # busy is not dead; the keeper goes on watching
            except HttpError as error:
                self._declare_dead(f"it does not answer any more ({type(error).__name__})")
            except NotServingError as error:
                self._declare_dead(str(error))
        elif self._state is BackendState.STOPPED:
            await self.start()
        await self._settled()

    def status(self) -> BackendStatus:
        """See Backend."""
        process, endpoint = self._process, self._endpoint
        usage = process.usage if process else None
        return BackendStatus(
            name=self.name,
            kind=self.kind,
            state=self._state,
            reason=self._reason,
            model=self.model_name,
            url=self.base_url if self.port else None,
            window_tokens=endpoint.window_tokens if endpoint else self.settings.context_window,
            slots=endpoint.slots if endpoint else of_setting(self.settings.slots),
            simulated=self.simulated,
            supervised=True,
            pid=process.pid if process and process.running else None,
            cpu_percent=usage.cpu_percent if usage else None,
            memory_bytes=usage.memory_bytes if usage else None,
            memory_pressure=usage.pressure if usage else None,
            restarts=self._restarts,
            log_tail=self._log.tail(LOG_LINES_SHOWN),
            log_path=str(self._log.path),
            warnings=self._warnings,
            model_sampling=endpoint.model_sampling if endpoint else {},
            template=self._template,
        )

    @property
    def endpoint(self) -> Endpoint:
        """See Backend."""
        if self._endpoint is None or self._state not in _UP:
            raise BackendError(f"{self.name} is {self._state}: {self._reason or 'start it first'}")
        return self._endpoint

    @property
    def base_url(self) -> str:
        """The URL where it listens."""
        return f"http://127.0.0.1:{self.port}"

    # The keeper

    async def _keep(self) -> None:
        """Bring it up and keep it up until cancelled, or until it has failed."""
        try:
            await asyncio.to_thread(pidfiles.clear_left_over, self.home / "state")
            served = False
            while True:
                try:
                    await self._bring_up()
                    served = True
                    reason = await self._until_dead()
                except BackendError as error:
                    if not served:
                        raise  # what fails at the first start fails again
                    reason = str(error)
                await self._bring_down()
                self._log.note(f"not serving: {reason}")
                await self._back_off(reason)
        except BackendError as error:
            await self._bring_down()
            self._set(BackendState.FAILED, str(error))
        except BaseException as error:
            await asyncio.shield(self._bring_down())
            if isinstance(error, Exception):
                self._set(BackendState.FAILED, f"internal error: {error!r}")
            raise

    async def _bring_up(self) -> None:
        """Check, spawn, wait until it has answered. Raises BackendError with the reason."""
        self._set(BackendState.STARTING, self._reason)
        self._warnings = await self.check()
        self.port = await self._choose_port()
        self._dead.clear()
        self._key = secrets.token_urlsafe(24)
        key = {self.key_variable: self._key} if self.key_variable else {}
        added = {**key, **self.environment()}
        env = environment.of_server(self.settings.env, added, self.needed_variables())
        command = self.command(self.port)
        self._log.note("$ " + shlex.join(command))
        self._process = ServerProcess(self.name, command, env, self._log, self.home / "state")
        await self._process.start()
        self._set(BackendState.LOADING)
        endpoint = await self._first_answer(self._process)
        self._endpoint = replace(endpoint, headers={**endpoint.headers, **self._headers()})
        self._set(BackendState.READY)

    def _headers(self) -> dict[str, str]:
        """The headers of every request to the server."""
        return {"authorization": f"Bearer {self._key}"} if self.key_variable else {}

    def client(self, timeout_s: float = QUESTION_TIMEOUT_S) -> Client:
        """A client for the server, with its key."""
        return http.client(self.base_url, headers=self._headers(), timeout_s=timeout_s)

    async def _choose_port(self) -> int:
        wanted = self.settings.port
        if wanted is None:
            return machine.free_port()
        if await asyncio.to_thread(machine.port_in_use, wanted):
            owner = await asyncio.to_thread(machine.port_owner, wanted)
            raise BackendError(
                f"port {wanted} is taken by {owner or 'another process'}: "
                f"end that process, or set another port for {self.name}"
            )
        return wanted

    async def _first_answer(self, process: ServerProcess) -> Endpoint:
        """The endpoint once it has answered. Raises BackendError when it ends before that."""
        answer = asyncio.create_task(self._poll())
        ended = asyncio.create_task(process.wait())
        try:
            async with asyncio.timeout(LOAD_TIMEOUT_S):
                await asyncio.wait({ended, answer}, return_when=asyncio.FIRST_COMPLETED)
            if answer.done():
                return answer.result()
            raise BackendError(self._why_ended(process))
        except TimeoutError:
            raise BackendError(f"it did not get ready in {LOAD_TIMEOUT_S:.0f} s") from None
        finally:
            answer.cancel()
            ended.cancel()
            await asyncio.gather(answer, ended, return_exceptions=True)

    async def _poll(self) -> Endpoint:
        async with self.client(LOAD_TIMEOUT_S) as client:
            while True:
                if not await self._port_is_ours():  # not even the first question goes elsewhere
                    await asyncio.sleep(LOAD_POLL_S)
                    continue
                try:
                    endpoint = await self.connect(client)
                except (HttpError, http.StillLoading):
                    await asyncio.sleep(LOAD_POLL_S)
                except NotServingError:
                    if await self._port_is_ours():
                        raise
                else:
                    if await self._port_is_ours():
                        return endpoint

    async def _port_is_ours(self) -> bool:
        """True if our own process listens; False as long as none does. Raises BackendError when
        somebody else has the port, or the server says so: mlx_lm lives on without it."""
        pid = self._process.pid if self._process else None
        anywhere = bool(self.settings.launcher)  # it may start the server through ssh
        for _ in range(2):  # it may begin or end between two looks
            if pid is None or exits.port_taken(self._log.tail(40)):
                break
            if not await asyncio.to_thread(listening.accepts, self.port):
                return False
            if await asyncio.to_thread(listening.is_ours, self.port, pid, anywhere=anywhere):
                return True
            await asyncio.sleep(LOAD_POLL_S)
        owner = await asyncio.to_thread(machine.port_owner, self.port)
        raise BackendError(
            f"port {self.port} was taken meanwhile by {owner or 'another process'}: start it again"
        )

    async def _until_dead(self) -> str:
        """Watch a ready server; returns the reason once it does not serve any more."""
        process = self._process
        assert process is not None
        ended = asyncio.create_task(process.wait())
        declared = asyncio.create_task(self._dead.wait())
        unanswered = 0
        try:
            async with self.client() as client:
                while True:
                    await asyncio.wait(
                        {ended, declared}, timeout=WATCH_S, return_when=asyncio.FIRST_COMPLETED
                    )
                    if not ended.done() and declared.done():
                        # The connection broke: most often its end is just about to be known.
                        await asyncio.wait({ended}, timeout=0.5)
                    if ended.done():
                        return self._why_ended(process)
                    if declared.done():
                        return self._dead_reason
                    try:
                        await self.still_serves(client)
                    except NotServingError as error:
                        return str(error)
                    except HttpError:
                        unanswered += 1
                    else:
                        unanswered = 0
                    if unanswered >= UNANSWERED_DEAD:
                        return f"no answer for {unanswered * WATCH_S:.0f} s"
                    if unanswered >= UNANSWERED_DEGRADED:
                        self._set(BackendState.DEGRADED, "it does not answer health questions")
                    elif unanswered == 0 and self._state is BackendState.DEGRADED:
                        self._set(BackendState.READY)
        finally:
            ended.cancel()
            declared.cancel()

    async def _back_off(self, reason: str) -> None:
        """Wait before the next restart. Raises BackendError when there were too many."""
        now = time.monotonic()
        times = self._restart_times
        while times and now - times[0] > RESTARTS_WINDOW_S:
            times.popleft()
        if len(times) >= RESTARTS_MAX:
            raise BackendError(
                f"it died {len(times) + 1} times in {RESTARTS_WINDOW_S / 60:.0f} minutes, "
                f"at last: {reason}"
            )
        wait_s = BACK_OFF_S[min(len(times), len(BACK_OFF_S) - 1)]
        times.append(now)
        self._restarts += 1
        self._set(BackendState.STARTING, f"restart {len(times)} after: {reason}")
        await asyncio.sleep(wait_s)

    async def _bring_down(self) -> None:
        self._endpoint = None
        if self._process is not None:
            await self._process.stop(self.stop_grace_s)

    def _why_ended(self, process: ServerProcess) -> str:
        return self.explain_exit(process.reason, self._log.tail())

    def _declare_dead(self, reason: str) -> None:
        if self._state in _UP:  # it may have been stopped while it was looked at
            self._dead_reason = reason
            self._dead.set()
            self._set(BackendState.STARTING, reason)

    def _set(self, state: BackendState, reason: str = "") -> None:
        self._state, self._reason = state, reason
        self._changed.set()
        self._changed = asyncio.Event()
        self.on_change()

    async def _settled(self) -> None:
        """Wait until it is up. Raises BackendError when it has failed or was stopped."""
        while self._state not in _UP:
            if self._state in (BackendState.FAILED, BackendState.STOPPED):
                raise BackendError(self._reason or f"{self.name} was stopped")
            await self._changed.wait()
