"""Other proxies for `--peer`, each on the bench's model server: nothing of them is ours.

    python -m benchmarks.bench --peer "python -m benchmarks.peers litellm PROGRAM {upstream}"
    python -m benchmarks.bench --peer "python -m benchmarks.peers ccr PROGRAM {upstream}"

PROGRAM is where it is installed (pip install 'litellm[proxy]'; npm install
@musistudio/claude-code-router), best not here. Prints the port and the peer's pid when it
listens; SIGTERM ends it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.targets import free_port

READY_S = 90.0
LITELLM = """
model_list:
  - model_name: bench
    litellm_params: {model: hosted_vllm/bench, api_base: "%s", api_key: x}
litellm_settings: {telemetry: false}
"""
LOCAL_ONLY = {"LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "true"}
"""LiteLLM does not start without a key; this one is on loopback for minutes."""


def litellm(program: str, upstream: str, home: Path, port: int) -> list[str]:
    """LiteLLM's proxy."""
    config = home / "config.yaml"
    config.write_text(LITELLM % upstream, encoding="utf-8")
    return [program, "--config", str(config), "--host", "127.0.0.1", "--port", str(port)]


def ccr(program: str, upstream: str, home: Path, port: int) -> list[str]:
    """claude-code-router."""
    folder = home / ".claude-code-router"
    folder.mkdir()
    provider = {
        "name": "bench",
        "api_base_url": f"{upstream}/chat/completions",
        "api_key": "x",
        "models": ["bench"],
    }
    config = {
        "HOST": "127.0.0.1",
        "PORT": port,
        "LOG": False,
        "NON_INTERACTIVE_MODE": True,
        "Providers": [provider],
        "Router": {"default": "bench,bench"},
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return [program, "start"]


PEERS: dict[str, Callable[[str, str, Path, int], list[str]]] = {"litellm": litellm, "ccr": ccr}


def main(kind: str, program: str, upstream: str) -> None:
    """Start it, say when it listens, and end it when we are ended."""
    port = free_port()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        argv = PEERS[kind](program, upstream, Path(home), port)
        env = {**os.environ, "HOME": home, "SERVICE_PORT": str(port), **LOCAL_ONLY}
        child = subprocess.Popen(argv, env=env, stdout=subprocess.DEVNULL, start_new_session=True)
        signal.signal(signal.SIGTERM, lambda *_: os.killpg(child.pid, signal.SIGTERM))
        deadline = time.monotonic() + READY_S
        while not _listens(port):
            if child.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"{kind} does not listen (exit code {child.poll()})")
            time.sleep(0.1)
        print(port, child.pid, flush=True)
        child.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


if __name__ == "__main__":
    main(*sys.argv[1:])
