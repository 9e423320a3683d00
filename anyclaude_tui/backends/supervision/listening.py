"""The owner of the server on a port of loopback: ours is known, all that is not known is foreign.

The port of a server that starts is free for a moment. Whoever takes it then, another user too,
would get the prompts and could play the model. So a server counts as ours only where a process
of our own group holds the listening socket. Other processes' sockets are not asked about: an
unprivileged user cannot see them. On Linux the kernel's table names the user of every socket
besides (`/proc/net/tcp`, Documentation/networking/proc_net_tcp.rst, Linux 6.8).
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

HERE = ("127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1")
"""Addresses that a connection to 127.0.0.1 may reach."""
_LISTEN = "0A"
_HERE_IN_TABLE = {"0100007F", "7F000001", "0" * 8, "0" * 32, f"{'0' * 16}FFFF00000100007F"}
"""`HERE` as the kernel's table writes them, 127.0.0.1 in either order of bytes."""


def accepts(port: int) -> bool:
    """True if a server accepts connections on 127.0.0.1. Blocks for half a second at most."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def is_ours(port: int, leader: int, *, anywhere: bool = False) -> bool:
    """True if the server on this port is in the process group that `leader` leads.

    `anywhere`: any process of this user's will do (a launcher may start the server through ssh,
    outside of our group). Blocks: it reads what the processes have open.
    """
    if any(uid != os.getuid() for uid in _uids(port)):
        return False
    processes = psutil.process_iter() if anywhere else _group(leader)
    return any(_listens(process, port) for process in processes)


def _group(leader: int) -> Iterator[psutil.Process]:
    """The leader's group, and its descendants that have left it."""
    try:
        children = psutil.Process(leader).children(recursive=True)
    except psutil.Error:
        children = []
    known = {process.pid for process in children}
    yield from children
    for process in psutil.process_iter():
        try:
            if process.pid not in known and os.getpgid(process.pid) == leader:
                yield process
        except OSError:  # it has gone
            continue


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        if process.uids().real != os.getuid():
            return False
        seen = process.net_connections(kind="tcp")
    except (psutil.Error, OSError):
        return False
    return any(
        one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.laddr.ip in HERE
        for one in seen
    )


def _uids(port: int) -> set[int]:
    """The users whose sockets listen there; empty where the system has no such table."""
    if sys.platform != "linux":
        return set()
    found: set[int] = set()
    for name in ("tcp", "tcp6"):
        try:
            text = Path(f"/proc/self/net/{name}").read_text(encoding="ascii")
        except (OSError, ValueError):
            continue
        found |= uids_in(text, port)
    return found


def uids_in(table: str, port: int) -> set[int]:
    """The users of the listening sockets on a port, from the text of `/proc/net/tcp`."""
    found: set[int] = set()
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 8 or fields[3] != _LISTEN:
            continue
        address, _, number = fields[1].partition(":")
        if address in _HERE_IN_TABLE and int(number, 16) == port:
            found.add(int(fields[7]))
    return found
