"""The port of a starting server that somebody else takes: the prompt never reaches him.

The other one answers every chat as a model would. With root's rights he is another user.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import BackendError, BackendState
from anyclaude_tui.backends.supervision import listening
from tests.backends.conftest import Make

NOBODY = 65_534
FAST = {"kind": "simulator", "profile": "fast,speed=100"}
ANSWER = b'{"choices": [{"message": {"role": "assistant", "content": "hi"}}]}'
Other = Callable[[int], "OtherServer"]


class OtherServer:
    """A server of somebody's in a process of its own, which keeps what it is sent."""

    def __init__(self, port: int, uid: int | None, kept: Path) -> None:
        self._kept = kept
        kept.touch(mode=0o666)
        kept.chmod(0o666)
        ready, told = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(told)
            assert os.read(ready, 1) == b"r"
            os.close(ready)
            return
        try:
            log = os.open(kept, os.O_WRONLY | os.O_APPEND)
            if uid is not None:
                os.setgroups([])
                os.setgid(uid)
                os.setuid(uid)
            os.setsid()
            server = socket.create_server(("127.0.0.1", port))
            os.write(told, b"r")
            head = f"HTTP/1.1 200 OK\r\ncontent-length: {len(ANSWER)}\r\n\r\n".encode()
            while True:
                connection, _ = server.accept()
                connection.settimeout(0.5)
                with connection, suppress(OSError):
                    if data := connection.recv(65536):
                        os.write(log, data)
                        connection.sendall(head + ANSWER)
        finally:
            os._exit(1)

    @property
    def seen(self) -> bytes:
        """All that it was sent."""
        return self._kept.read_bytes()

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


@pytest.fixture(params=[None, NOBODY], ids=["same user", "another user"])
def other(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Other]:
    uid = request.param
    if uid is not None and os.getuid() != 0:
        pytest.skip("another user's process needs root")
    found: list[OtherServer] = []

    def start(port: int) -> OtherServer:
        found.append(OtherServer(port, uid, tmp_path / f"seen-{len(found)}"))
        return found[-1]

    yield start
    for server in found:
        server.end()


@pytest.mark.parametrize("lives_on", [False, True], ids=["it ends", "it lives on"])
async def test_who_takes_the_port_in_between_is_sent_nothing(
    lives_on: bool, make: Make, other: Other
) -> None:
    """mlx_lm lives on when it cannot have its port."""
    backend = make(**FAST)
    seen: list[OtherServer] = []
    command = backend.command

    def taken_in_between(port: int) -> list[str]:
        seen.append(other(port))
        return ["/bin/sleep", "60"] if lives_on else list(command(port))

    backend.command = taken_in_between
    with pytest.raises(BackendError, match="taken"):
        await backend.start()
    assert backend.status().state is BackendState.FAILED
    assert [server.seen for server in seen] == [b""]


async def test_who_takes_the_port_at_a_restart_is_sent_nothing(make: Make, other: Other) -> None:
    port = machine.free_port()
    backend = make(**FAST, port=port)
    await backend.start()
    await backend.stop()
    server = other(port)
    with pytest.raises(BackendError, match=f"port {port} is taken"):
        await backend.start()
    assert server.seen == b""


def test_only_the_own_group_is_ours(other: Other) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mine:
        port = mine.getsockname()[1]
        assert listening.accepts(port)
        assert listening.is_ours(port, os.getpgid(0))
        assert listening.is_ours(port, 2**22 + 1) is False
    assert not listening.accepts(port)
    assert not listening.is_ours(port, os.getpgid(0))
    server = other(port)
    assert listening.accepts(port)
    assert not listening.is_ours(port, 2**22 + 1)
    same_user = not (sys.platform == "linux" and os.getuid() in (0,) and _uid(server.pid))
    assert listening.is_ours(port, 2**22 + 1, anywhere=True) is same_user


def _uid(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


TABLE = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1
   1: 0100007F:1F90 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1001        0 2 1
   2: 0500000A:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1002        0 3 1
   3: 00000000:1F91 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4 1
"""


def test_the_kernels_table_names_the_users_of_a_port() -> None:
    """/proc/net/tcp as Linux 6 writes it: who is connected, or listens elsewhere, is not meant."""
    assert listening.uids_in(TABLE, 8080) == {1000}
    assert listening.uids_in(TABLE, 8081) == {0}
    assert listening.uids_in(TABLE, 8082) == set()
    assert listening.uids_in("", 8080) == set()
