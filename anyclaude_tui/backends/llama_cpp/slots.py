"""The KV of llama.cpp's slots on disk: saved when a slot has been quiet and at the stop, restored
at the start. Whether this model can use what it restores is tried once, by its own count of
cached tokens: with a sliding window it may say that it has restored, and read all again.

Source: docs/protocol/llama-cpp.md, "Slots"; /slots and its actions in xllamacpp 2026.10.11549.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyclaude_tui import private
from anyclaude_tui.backends import http, prompt_cache
from anyclaude_tui.backends.base import CachePolicy
from anyclaude_tui.backends.http_client import Client, HttpError

MIN_TOKENS = 1024
SOON_S, QUIET_S = 4.0, 60.0
"""A slot of which nothing is saved is saved after so long; else when it has grown by GROWN."""
GROWN = 1.25
END_S = 6.0
"""The end, saving included, within the supervisor's grace."""
_PROVED = "proved"
_TRIAL = "The quick brown fox jumps over the lazy dog. " * 12


@dataclass(slots=True)
class _Slot:
    task: int = -1
    since: float = 0.0
    saved_task: int = -1
    saved_tokens: int = 0


class Slots:
    """Of one backend and one model. Raises nothing but OSError, from `__init__`."""

    def __init__(self, home: Path, name: str, model: Sequence[object], policy: CachePolicy) -> None:
        """`model`: all that the numbers in a slot depend on."""
        digest = hashlib.sha256(repr(tuple(model)).encode()).hexdigest()[:24]
        prompt_cache.prepare(home)
        self.folder = prompt_cache.folder(home, name) / digest
        private.folder(self.folder)
        self._home = home
        self._policy = policy
        self._slots: dict[int, _Slot] = {}
        self._bytes_per_token = 0.0
        mode = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        self._lock: int | None = os.open(self.folder / "lock", mode, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:  # another session's server writes here
            self.close()

    def close(self) -> None:
        """Nothing is written any more."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def restore(self, client: Client, model: str) -> tuple[int, float]:
        """Read what is on disk into the slots: the most tokens of one, and the seconds."""
        began, most = time.monotonic(), 0
        for part in self.folder.glob("*.part.slot"):
            part.unlink(missing_ok=True)
        prompt_cache.make_room(self._home, 0, self._policy)
        files = [path for path in self.folder.glob("*.slot") if path.stem.isdecimal()]
        if not files or not await self.proved(client, model):
            return 0, 0.0
        for path in files:
            done = await _act(client, int(path.stem), "restore", path.name)
            tokens = int(done.get("n_restored") or 0)
            if not tokens:
                path.unlink(missing_ok=True)  # half a file, or of another build
                continue
            most = max(most, tokens)
            self._slots[int(path.stem)] = _Slot(saved_tokens=tokens)
        return most, time.monotonic() - began

    async def proved(self, client: Client, model: str) -> bool:
        """True if a restored slot is used, by a trial of a few tokens; tried once for a model."""
        known = self.folder / _PROVED
        if not known.exists():
            before = await _trial(client, model, "one")
            saved = await _act(client, 0, "save", "trial.slot")
            await _act(client, 0, "erase")
            restored = await _act(client, 0, "restore", "trial.slot") if saved else {}
            again = await _trial(client, model, "two") if restored.get("n_restored") else 0
            await _act(client, 0, "erase")
            (self.folder / "trial.slot").unlink(missing_ok=True)
            if before < 0:
                return False
            with contextlib.suppress(OSError):
                private.write(known, b"1" if again > 32 else b"0")
        try:
            return known.read_bytes() == b"1"
        except OSError:
            return False

    async def look(self, client: Client, *, ending: bool = False) -> None:
        """Save the slots that have become worth it; at the end all that have changed."""
        if self._lock is None:
            return
        began = now = time.monotonic()
        try:
            found = http.parts((await client.get("/slots")).json())
        except (HttpError, ValueError):
            return
        for one in sorted(found, key=lambda slot: -_count(slot, "n_prompt_tokens")):
            number, task = _count(one, "id"), _count(one, "id_task")
            tokens = _count(one, "n_prompt_tokens")
            if min(number, task) < 0 or one.get("is_processing") or tokens < MIN_TOKENS:
                continue
            slot = self._slots.setdefault(number, _Slot())
            if task != slot.task:
                slot.task, slot.since = task, now
            if task == slot.saved_task or (ending and now - began > END_S):
                continue
            quiet_s, grown = now - slot.since, tokens >= GROWN * slot.saved_tokens
            if ending or (grown and quiet_s >= (QUIET_S if slot.saved_tokens else SOON_S)):
                await self._save(client, number, slot, tokens)
                now = time.monotonic()

    async def _save(self, client: Client, number: int, slot: _Slot, tokens: int) -> None:
        size = int(tokens * self._bytes_per_token)
        slot.saved_task = slot.task  # also where it fails: it is not tried again and again
        if not prompt_cache.make_room(self._home, size, self._policy):
            return
        part, path = self.folder / f"{number}.part.slot", self.folder / f"{number}.slot"
        try:
            done = await _act(client, number, "save", part.name)
            written, saved = int(done.get("n_written") or 0), int(done.get("n_saved") or 0)
            if not written or not saved:
                return
            part.chmod(0o600)
            self._bytes_per_token = written / saved
            path.unlink(missing_ok=True)
            if prompt_cache.make_room(self._home, written, self._policy, part):
                part.replace(path)
                slot.saved_tokens = saved
        except OSError:
            return
        finally:
            part.unlink(missing_ok=True)


def _count(slot: dict[str, Any], name: str) -> int:
    """A number of a slot's; -1 for none."""
    value = slot.get(name)
    return value if isinstance(value, int) else -1


async def _act(client: Client, number: int, action: str, name: str = "") -> dict[str, Any]:
    """The answer of a slot's action; empty where it is refused."""
    try:
        given = {"filename": name} if name else {}
        answer = await client.post(f"/slots/{number}", given, params={"action": action})
        found = answer.json() if answer.status_code == 200 else {}
    except (HttpError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


async def _trial(client: Client, model: str, end: str) -> int:
    """The cached tokens of a short chat in slot 0; -1 where it is refused. Another end than
    before, as the next conversation has: the same prompt again proves nothing."""
    messages = [{"role": "user", "content": f"{_TRIAL}{end} {end}"}]
    body = {"model": model, "messages": messages, "max_tokens": 1, "id_slot": 0}
    try:
        answer = await client.post("/v1/chat/completions", body)
        usage = http.part(http.part(answer.json()).get("usage"))
    except (HttpError, ValueError):
        return -1
    return _count(http.part(usage.get("prompt_tokens_details")), "cached_tokens")
