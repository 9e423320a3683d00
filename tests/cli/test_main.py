"""What ends `serve`, `run` and the dashboard, and what is left then: no process, a whole journal.

Real processes on a real PTY; a script stands in for Claude Code, which only has to be a program
in a terminal here.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import termios
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest

from anyclaude_tui.cli import main
from tests.e2e.claude import clean_environment
from tests.e2e.servers import ANYCLAUDE, Serve, run, serve
from tests.e2e.terminal import PtyTerminal
from tests.support.programs import python_program
from tests.support.proxy import ask_body
from tests.support.waiting import until

CLAUDE = """\
import json, os, signal, sys, termios, time, tty, urllib.request

def ask():
    body = {{"model": "m", "max_tokens": 5000, "stream": True,
             "messages": [{{"role": "user", "content": "hi"}}]}}
    request = urllib.request.Request(
        os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", json.dumps(body).encode(),
        {{"Authorization": "Bearer " + os.environ["ANTHROPIC_AUTH_TOKEN"]}})
    with urllib.request.urlopen(request) as response:
        print("asked:", b"message_stop" in response.read(), flush=True)

signal.signal(signal.SIGINT, lambda *_: print("interrupted", flush=True))
{body}
"""


def home_with(tmp_path: Path, body: str) -> dict[str, str]:
    """An environment with this program as Claude Code."""
    program = python_program(tmp_path / "claude", CLAUDE.format(body=body))
    env = clean_environment(tmp_path)
    files = Path(env["ANYCLAUDE_HOME"])
    files.mkdir(mode=0o700)
    (files / "config.toml").write_text(f'[claude]\ncommand = "{program}"\n')
    return env


def journal(home: Path) -> list[dict[str, Any]]:
    """The request log of a home, line by line."""
    files = sorted((home / "request-logs").glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def family(pid: int) -> list[psutil.Process]:
    root = psutil.Process(pid)
    return [root, *root.children(recursive=True)]


async def all_gone(processes: list[psutil.Process]) -> None:
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, timeout=20)
    assert not alive


@asynccontextmanager
async def terminal(tmp_path: Path, *args: str, body: str) -> AsyncIterator[PtyTerminal]:
    env = home_with(tmp_path, body)
    command = [*ANYCLAUDE, *args, "--backend", "simulator"]
    async with PtyTerminal(command, cwd=tmp_path, env=env) as made:
        yield made


def close_window(made: PtyTerminal) -> None:
    """What a terminal emulator does when its window is closed."""
    asyncio.get_running_loop().remove_reader(made._master)
    os.close(made._master)
    made._drained.set()


ASK_AND_STAY = """
ask()
while True:
    time.sleep(1)
"""


@asynccontextmanager
async def request_in_flight(running: Serve) -> AsyncIterator[aiohttp.ClientResponse]:
    headers = {"Authorization": f"Bearer {running.token}"}
    async with (
        aiohttp.ClientSession(running.url, headers=headers) as client,
        client.post("/v1/messages", json=ask_body()) as response,
    ):
        await response.content.readany()
        yield response


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=str)
async def test_serve_ends_what_runs_and_writes_it_down(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with serve("simulator:slow,speed=10", home=tmp_path) as running:
        processes = family(running.pid)
        async with request_in_flight(running) as response:
            running.process.send_signal(number)
            data = await response.read()
        assert await asyncio.wait_for(running.process.wait(), 30) == 0
        await all_gone(processes)
        (line,) = journal(running.home)
        assert line["outcome"] in ("complete", "error")
        assert b"message_stop" in data or b"anyclaude-tui is stopping" in data


async def test_serve_that_was_told_to_outlive_its_terminal_does(tmp_path: Path) -> None:
    """nohup: the signal was ignored before we came."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        async with serve("simulator", home=tmp_path) as running:
            running.process.send_signal(signal.SIGHUP)
            async with request_in_flight(running) as response:
                assert b"message_stop" in await response.read()
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=str)
async def test_serve_ends_while_its_backend_loads(number: signal.Signals, tmp_path: Path) -> None:
    env = clean_environment(tmp_path)
    process = await asyncio.create_subprocess_exec(
        *ANYCLAUDE, "serve", "--backend", "simulator:slow,load_s=60",
        env=env, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        await until(lambda: len(family(process.pid)) > 2)
        processes = family(process.pid)
        process.send_signal(number)
        out, _ = await asyncio.wait_for(process.communicate(), 30)
        assert (process.returncode, out) == (0, b"")
        await all_gone(processes)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def listens(url: str) -> bool:
    """Whether anybody takes connections there."""
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as tried:
        return tried.connect_ex((host, int(port))) == 0


async def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    async with serve("simulator:slow,speed=0.5", home=tmp_path) as running:
        processes = family(running.pid)
        async with request_in_flight(running):
            running.process.send_signal(signal.SIGTERM)
            await until(lambda: not listens(running.url))  # two at once would be one
            running.process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(running.process.wait(), 30) == -signal.SIGTERM
        await all_gone(processes)


async def test_ctrl_c_in_run_is_claudes_alone(tmp_path: Path) -> None:
    body = 'print("ready", flush=True)\nsys.stdin.readline()\nask()\nsys.exit(7)'
    async with terminal(tmp_path, "run", body=body) as made:
        await made.wait_for("ready")
        await made.press("C-c")
        await made.wait_for("interrupted")
        await made.press("C-c")
        await made.press("Enter")
        await made.wait_for("asked: True")  # the proxy is still there
        assert await made.wait_ended() == 7


ASK_FOR = """
for script in ({"fault": "cut", "after": 5}, {"status": 400, "message": "no such thing"}, {}):
    body = {"model": "m", "max_tokens": 50, "stream": True,
            "messages": [{"role": "user", "content": "[[simulate " + json.dumps(script) + "]]"}]}
    request = urllib.request.Request(
        os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", json.dumps(body).encode(),
        {"Authorization": "Bearer " + os.environ["ANTHROPIC_AUTH_TOKEN"]})
    try:
        urllib.request.urlopen(request).read()
    except OSError:
        pass
print("bye", flush=True)
"""


async def test_run_tells_afterwards_what_went_wrong(tmp_path: Path) -> None:
    """Not a word of it while Claude Code has the screen; all of it in the log as it came."""
    async with terminal(tmp_path, "run", body=ASK_FOR) as made:
        assert await made.wait_ended() == 0
        said = made.history()
    during, _, after = said.partition("bye")
    assert "anyclaude-tui: starting" in during
    assert "cut short" not in during
    assert "1 reply cut short (1 cut), 1 request failed" in after
    assert "the last was: no such thing" in after
    log = tmp_path / ".anyclaude" / "server-logs" / "proxy.log"
    assert str(log) in after.replace("\r\n", "")
    first, second = log.read_text().splitlines()
    assert "ERROR req_" in first
    assert "was cut short (cut)" in first
    assert "failed: no such thing" in second


async def test_run_has_nothing_to_tell_when_all_went_well(tmp_path: Path) -> None:
    async with terminal(tmp_path, "run", body="ask()") as made:
        await made.wait_for("asked: True")
        assert await made.wait_ended() == 0
        assert "while Claude Code ran" not in made.history()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=str)
async def test_a_signal_to_run_ends_claude_and_everything(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with terminal(tmp_path, "run", body=ASK_AND_STAY) as made:
        await made.wait_for("asked: True")
        processes = family(made.process.pid)
        assert len(processes) > 3  # claude, guard, server
        made.process.send_signal(number)
        assert await made.wait_ended() == 128 + number
        await all_gone(processes)
    assert [line["outcome"] for line in journal(tmp_path / ".anyclaude")] == ["complete"]


async def test_a_claude_that_will_not_end_is_killed(tmp_path: Path) -> None:
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)" + ASK_AND_STAY
    async with terminal(tmp_path, "run", body=body) as made:
        await made.wait_for("asked: True")
        processes = family(made.process.pid)
        made.process.send_signal(signal.SIGTERM)
        assert await made.wait_ended() == 128 + signal.SIGKILL
        await all_gone(processes)


async def test_a_claude_that_is_killed_leaves_the_terminal_as_it_was(tmp_path: Path) -> None:
    body = 'tty.setraw(0)\nprint("ready", flush=True)\nos.kill(os.getpid(), signal.SIGKILL)'
    async with terminal(tmp_path, "run", body=body) as made:
        assert await made.wait_ended() == 128 + signal.SIGKILL
        assert termios.tcgetattr(made._master)[3] & termios.ICANON


@pytest.mark.parametrize("args", [(), ("run",)], ids=["dashboard", "run"])
async def test_a_closed_window_ends_everything(args: tuple[str, ...], tmp_path: Path) -> None:
    async with terminal(tmp_path, *args, body=ASK_AND_STAY) as made:
        await made.wait_for("asked: True")
        processes = family(made.process.pid)
        close_window(made)
        await asyncio.wait_for(made.process.wait(), 30)
        await all_gone(processes)
        del made._master
    assert [line["outcome"] for line in journal(tmp_path / ".anyclaude")] == ["complete"]


def entered_more_than(made: PtyTerminal, times: int) -> Callable[[], bool]:
    return lambda: made.history().count("\x1b[?1049h") > times


async def test_a_dashboard_that_was_stopped_and_goes_on_reads_and_writes_once(
    tmp_path: Path,
) -> None:
    """Textual 8.2 would read and write by two threads each, of which two never end."""
    async with terminal(tmp_path, body=ASK_AND_STAY) as made:
        await made.wait_for("asked: True")
        threads = psutil.Process(made.process.pid).num_threads()
        for _ in range(3):
            entered = made.history().count("\x1b[?1049h")
            made.process.send_signal(signal.SIGSTOP)
            made.process.send_signal(signal.SIGCONT)
            await until(entered_more_than(made, entered))
        await until(lambda: psutil.Process(made.process.pid).num_threads() <= threads)
        await made.wait_for("asked: True")
        made.process.send_signal(signal.SIGTERM)
        assert await made.wait_ended() == 128 + signal.SIGTERM


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=str)
async def test_a_signal_to_the_dashboard_ends_everything_and_restores_the_terminal(
    number: signal.Signals, tmp_path: Path
) -> None:
    async with terminal(tmp_path, body=ASK_AND_STAY) as made:
        await made.wait_for("asked: True")
        processes = family(made.process.pid)
        made.process.send_signal(number)
        assert await made.wait_ended() == 128 + number
        await all_gone(processes)
        said = made.history()
        assert said.rindex("\x1b[?1049l") > said.rindex("\x1b[?1049h")
        assert termios.tcgetattr(made._master)[3] & termios.ICANON
    assert [line["outcome"] for line in journal(tmp_path / ".anyclaude")] == ["complete"]


async def refused(tmp_path: Path, *args: str, **env: str) -> tuple[int, str]:
    """Runs the command line; its exit code and what it said on stderr."""
    code, out, err = await run(*args, home=tmp_path, env=env)
    assert out == ""
    return code, err


@pytest.mark.parametrize("args", [("run",), ("serve",)], ids=str)
async def test_a_busy_port_is_told_with_what_can_be_done(
    args: tuple[str, ...], tmp_path: Path
) -> None:
    """`run` and the dashboard have no --port: the settings have it."""
    env = home_with(tmp_path, "")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = Path(env["ANYCLAUDE_HOME"]) / "config.toml"
        config.write_text(f"{config.read_text()}[proxy]\nport = {port}\n")
        code, err = await refused(tmp_path, *args, "--backend", "simulator")
    assert code == 1
    assert f"port {port} is taken by PID {os.getpid()} " in err
    assert "[proxy] port" in err
    assert "serve --port" in err


async def test_a_claude_that_cannot_be_run_is_named(tmp_path: Path) -> None:
    env = home_with(tmp_path, "")
    (tmp_path / "claude").write_bytes(b"\x00 no program")
    code, err = await refused(tmp_path, "run", "--backend", "simulator", **env)
    assert code == 1
    assert str(tmp_path / "claude") in err
    assert "npm install" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("debug", "traced"), [("0", False), ("1", True)])
async def test_the_exit_code_is_the_same_with_a_traceback(
    debug: str, traced: bool, tmp_path: Path
) -> None:
    code, err = await refused(tmp_path, "serve", "--backend", "nonsense", ANYCLAUDE_DEBUG=debug)
    assert code == 2
    assert "no backend called 'nonsense'" in err.splitlines()[-1]
    assert ("Traceback" in err) == traced


def test_a_fault_of_ours_says_how_to_see_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(_: object) -> None:
        raise LookupError("oh")

    monkeypatch.setattr("anyclaude_tui.cli.config.config", fault)
    monkeypatch.delenv("ANYCLAUDE_DEBUG", raising=False)
    assert main.main(["config"]) == 1
    said = capsys.readouterr().err
    assert "LookupError('oh')" in said
    assert "ANYCLAUDE_DEBUG=1" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [["--version"], ["--help"], ["config", "check"]])
def test_a_reader_that_has_enough_is_no_fault(tmp_path: Path, command: list[str]) -> None:
    """`anyclaude-tui … | head -0`: the pipe is closed before anything is written."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "wb") as pipe:
        done = subprocess.run(
            [*ANYCLAUDE, *command],
            env=clean_environment(tmp_path),
            stdout=pipe,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert (done.returncode, done.stderr) == (main.SIGPIPE_CODE, b"")


async def test_a_token_in_the_environment_is_not_seen_in_the_list_of_processes(
    tmp_path: Path,
) -> None:
    async with serve("simulator", home=tmp_path, ANYCLAUDE_TOKEN="mine-alone") as running:
        assert running.token == "mine-alone"
        everybody = [psutil.Process(running.pid), *psutil.Process(running.pid).children(True)]
        assert not [one for one in everybody if "mine-alone" in " ".join(one.cmdline())]


async def test_serve_tells_what_goes_wrong_later(tmp_path: Path) -> None:
    """Nobody else would see that the journal cannot be written."""
    env = clean_environment(tmp_path)
    home = Path(env["ANYCLAUDE_HOME"])
    home.mkdir()
    (home / "request-logs").write_text("a file where the folder should be")
    async with serve("simulator", home=tmp_path) as running:
        async with request_in_flight(running) as response:
            await response.read()
        await until(lambda: any("request-logs" in line for line in running.log))
