"""The life of a server that we start, shown with the simulated one: a real child process."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import Backend, BackendError, BackendState
from anyclaude_tui.backends.supervision import supervised
from tests.backends.conftest import Make, until_state
from tests.support.waiting import alive, until

FAST = {"kind": "simulator", "profile": "fast,speed=100"}


async def chat(backend: Backend, **body: Any) -> httpx.Response:
    endpoint = backend.endpoint
    message = {"role": "user", "content": "hello"}
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(
            endpoint.url,
            json={"model": endpoint.model, "messages": [message], **body},
            headers=dict(endpoint.headers),
        )


async def script(backend: Backend, *scripts: dict[str, Any]) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        url = f"{backend.status().url}/x_simulator"
        (await client.post(url, json={"next": scripts})).raise_for_status()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter waits, so that tests take no time."""
    monkeypatch.setattr(supervised, "BACK_OFF_S", (0.01,))
    monkeypatch.setattr(supervised, "WATCH_S", 0.05)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A port that is taken, by this process."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken


async def test_started_ready_serving_stopped(make: Make) -> None:
    backend = make(**FAST)
    assert backend.status().state is BackendState.STOPPED
    with pytest.raises(BackendError, match="start it first"):
        _ = backend.endpoint
    await backend.start()
    status = backend.status()
    assert status.state is BackendState.READY
    assert status.simulated
    assert status.supervised
    assert status.pid
    assert status.window_tokens == 131_072
    assert (await chat(backend)).status_code == 200
    await backend.start()  # safe to call when ready
    assert backend.status().pid == status.pid
    await backend.stop()
    assert backend.status().state is BackendState.STOPPED
    assert not alive(status.pid)
    await backend.stop()


async def test_killed_it_comes_back_and_serves(make: Make) -> None:
    backend = make(**FAST)
    await backend.start()
    pid = backend.status().pid
    os.kill(pid, signal.SIGKILL)
    await backend.recover()
    status = backend.status()
    assert status.state is BackendState.READY
    assert status.pid != pid
    assert status.restarts == 1
    assert (await chat(backend)).status_code == 200


async def test_a_death_is_noticed_without_a_request(make: Make) -> None:
    backend = make(**FAST)
    await backend.start()
    os.kill(backend.status().pid, signal.SIGKILL)
    await until(lambda: backend.status().restarts == 1)
    await until_state(backend, BackendState.READY)
    assert any("killed from outside" in line for line in backend.status().log_tail)


async def test_too_many_deaths_are_final_with_the_reason(make: Make) -> None:
    backend = make(**FAST)
    await backend.start()
    for _ in range(supervised.RESTARTS_MAX):
        os.kill(backend.status().pid, signal.SIGKILL)
        await backend.recover()
    os.kill(backend.status().pid, signal.SIGKILL)
    with pytest.raises(BackendError, match=r"died 4 times in 5 minutes.*SIGKILL"):
        await backend.recover()
    assert backend.status().state is BackendState.FAILED
    await backend.start()  # by hand it may be tried again
    assert backend.status().state is BackendState.READY


async def test_a_dead_generation_thread_is_not_serving(make: Make) -> None:
    backend = make(**FAST)
    await backend.start()
    pid = backend.status().pid
    await script(backend, {"fault": "thread"})
    await chat(backend, stream=True)
    with suppress(httpx.TransportError):  # the supervisor may have seen it first, and killed it
        assert (await chat(backend)).json() == {"error": "generation thread died"}
    await backend.recover()
    assert backend.status().pid != pid
    assert (await chat(backend)).status_code == 200


async def test_recover_of_one_that_is_well_changes_nothing(make: Make) -> None:
    backend = make(**FAST)
    await backend.start()
    pid = backend.status().pid
    await backend.recover()
    assert backend.status().pid == pid
    assert backend.status().restarts == 0


async def test_restart_gives_a_new_process(make: Make) -> None:
    backend = make(**FAST)
    await backend.start()
    pid = backend.status().pid
    await backend.restart()
    assert backend.status().state is BackendState.READY
    assert backend.status().pid != pid
    assert backend.status().restarts == 1


async def test_a_taken_port_is_named_with_its_owner(make: Make, listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    backend = make(**FAST, port=port)
    with pytest.raises(
        BackendError, match=rf'port {port} is taken by PID {os.getpid()} "'
    ) as raised:
        await backend.start()
    assert "another port" in str(raised.value)
    assert backend.status().state is BackendState.FAILED
    assert backend.status().reason == str(raised.value)


async def test_a_port_lost_in_the_last_moment_is_not_mistaken_for_ours(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = make(**FAST, name="stranger")
    await stranger.start()
    backend = make(**FAST)
    # Like mlx_lm, which lives on without its port; the stranger answers in its place.
    backend.command = lambda port: ["/bin/sleep", "60"]
    monkeypatch.setattr(machine, "free_port", lambda: stranger.port)
    with pytest.raises(BackendError, match=rf"taken meanwhile by PID {stranger.status().pid}"):
        await backend.start()


async def test_a_server_that_dies_at_the_start_fails_at_once(make: Make) -> None:
    backend = make(**FAST, launcher=())
    backend.command = lambda port: ["/bin/sh", "-c", "echo 'OSError: no weights'; exit 3"]
    with pytest.raises(BackendError, match="exit 3: OSError: no weights"):
        await backend.start()
    assert backend.status().state is BackendState.FAILED


async def test_stop_while_it_loads(make: Make) -> None:
    backend = make(kind="simulator", profile="slow,load_s=60")
    starting = asyncio.create_task(backend.start())
    await until_state(backend, BackendState.LOADING)
    pid = backend.status().pid
    await backend.stop()
    with pytest.raises(BackendError, match="stopped"):
        await starting
    assert not alive(pid)


async def test_a_stop_that_was_given_up_goes_on_and_the_next_one_waits_for_it(make: Make) -> None:
    backend = make(**FAST)
    await backend.start()
    pid = backend.status().pid
    first = asyncio.create_task(backend.stop())
    await until(lambda: backend.status().state is BackendState.STOPPING)
    first.cancel()
    await backend.stop()
    assert not alive(pid)
    assert backend.status().state is BackendState.STOPPED


async def test_a_cancelled_start_leaves_nothing_after_stop(make: Make) -> None:
    backend = make(kind="simulator", profile="slow,load_s=60")
    starting = asyncio.create_task(backend.start())
    await until_state(backend, BackendState.LOADING)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    pid = backend.status().pid
    await backend.stop()
    assert not alive(pid)
    assert len(asyncio.all_tasks()) == 1


async def test_stopped_while_a_stream_runs(make: Make) -> None:
    backend = make(kind="simulator", profile="fast")
    await backend.start()
    pid = backend.status().pid
    body = {"messages": [{"role": "user", "content": "long"}], "stream": True, "max_tokens": 9999}
    async with (
        httpx.AsyncClient(trust_env=False) as client,
        client.stream(
            "POST", backend.endpoint.url, json=body, headers=dict(backend.endpoint.headers)
        ) as answer,
    ):
        await anext(answer.aiter_lines())
        await backend.stop()
    assert not alive(pid)


async def test_its_log_and_pid_file_lie_where_the_design_says(make: Make, tmp_path: Path) -> None:
    backend = make(**FAST, name="simulator:fast")
    await backend.start()
    assert (tmp_path / "server-logs" / "simulator-fast.log").exists()
    assert list((tmp_path / "state").glob("server-*.json"))
    await backend.stop()
    assert not list((tmp_path / "state").glob("server-*.json"))


async def test_an_unknown_profile_is_refused(make: Make) -> None:
    with pytest.raises(BackendError, match="use one of fast, slow"):
        make(kind="simulator", profile="quick")
