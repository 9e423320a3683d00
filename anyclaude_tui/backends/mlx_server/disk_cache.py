"""Prompt caches on disk, for `launcher.py`: written when it is worth it, read at the start.

Whole prompts only, in mlx_lm's own format: a prefix file serves every kind of layer, which a
format of blocks does not. Written beside and renamed, so that a killed write leaves nothing;
named by the hash of the tokens; never more than the limit; one server writes, others read.
Known to mlx_lm's Python alone: the standard library, mlx and mlx_lm.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

TELL = "[anyclaude] cache:"
FORMAT = 1
SOON_S = 2.0
"""A prompt that no file holds half of is written when the server has been idle for so long."""
QUIET_S = 60.0
"""The running conversation is written when it has been quiet for so long."""
LITTLE_KEPT, MOST_KEPT, ALL_KEPT = 0.5, 0.8, 0.95
"""Shares of a prompt that a file holds: less is written soon, when quiet, at the end."""
WRITE_BYTES_PER_S = 200e6
"""Assumed until one write has been measured."""
FREE_BYTES = 1 << 30
"""Disk space that is left free."""
MEMORY_SHARE = 0.5
"""The share of the cache's memory that is filled from disk at the start, at most."""


def tell(name: str, **facts: Any) -> None:
    """One line for whoever supervises."""
    print(f"{TELL} {name} {json.dumps(facts)}", file=sys.stderr, flush=True)


class DiskCache:
    """The caches on disk. Everything here runs on the generation thread, and raises nothing."""

    def __init__(self, given: dict[str, Any], caches: Any, folder: Path, prefixes: Any) -> None:
        """`given`: root (of all backends), max_bytes, max_age_s, and for tests soon_s, quiet_s,
        min_tokens. `folder`: where this model's are, of its own fingerprint."""
        self.root = Path(given["root"])
        self.folder = folder
        self.max_bytes = int(given["max_bytes"])
        self.max_age_s = float(given["max_age_s"])
        self.soon_s = float(given.get("soon_s", SOON_S))
        self.quiet_s = float(given.get("quiet_s", QUIET_S))
        self.min_tokens = int(given.get("min_tokens", 1024))
        self.caches = caches
        self.common = prefixes.common
        self.fresh: OrderedDict[str, tuple[list[int], Any, str]] = OrderedDict()
        self.files: dict[str, tuple[Path, list[int], bool]] = {}
        """By name: the file, its tokens, whether it can be cut back."""
        self.bytes_per_s = WRITE_BYTES_PER_S
        self.said = ""
        self.readonly = not self._lock()

    def _lock(self) -> bool:
        import fcntl

        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in (self.root, self.folder.parent, self.folder):
            path.chmod(0o700)
        mode = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC
        self._held = os.open(self.folder / "lock", mode, 0o600)
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    # --- reading

    def read(self, insert: Any, memory_bytes: int) -> None:
        """Insert what is on disk, the newest first until it fills its share of the memory."""
        import mlx.core as mx

        began, restored, size, left = time.monotonic(), 0, 0, memory_bytes * MEMORY_SHARE
        found = []
        if not self.readonly:
            self.prune(0)
            for part in self.folder.glob("*.part.safetensors"):
                part.unlink(missing_ok=True)
        for path in sorted(self.folder.glob("*.safetensors"), key=_changed, reverse=True):
            if path.name.endswith(".part.safetensors"):
                continue
            try:
                if path.stat().st_size > left:
                    continue
                cache, meta = self.caches.load_prompt_cache(str(path), return_metadata=True)
                mx.eval([c.state for c in cache])
                tokens = json.loads(meta["tokens"])
                if lack := unsound(path, tokens, cache):
                    raise ValueError(lack)
            except Exception as error:
                if not self.readonly:
                    path.unlink(missing_ok=True)
                tell("unreadable", file=path.name, why=str(error)[:200])
                continue
            left -= path.stat().st_size
            size += path.stat().st_size
            restored = max(restored, len(tokens))
            found.append((tokens, cache, meta["type"]))
            cut = bool(self.caches.can_trim_prompt_cache(cache))
            self.files[path.name.partition(".")[0]] = (path, tokens, cut)
        for tokens, cache, kind in reversed(found):
            insert(tokens, cache, kind)
        if found:
            seconds = round(time.monotonic() - began, 3)
            tell("restored", tokens=restored, files=len(found), bytes=size, seconds=seconds)

    # --- writing

    def note(self, tokens: list[int], cache: Any, kind: str) -> None:
        """A cache has been made: it may be worth a file."""
        whole = len(tokens) >= self.min_tokens and all(type(token) is int for token in tokens)
        if self.readonly or not whole:  # images stand in the key by what they are
            return
        for name, (older, _, _) in list(self.fresh.items()):
            if self._cuts(cache) and self.common(tokens, older) >= ALL_KEPT * len(older):
                del self.fresh[name]
        self.fresh[name_of(tokens)] = (list(tokens), cache, kind)
        while len(self.fresh) > 8:
            self.fresh.popitem(last=False)

    def flush(self, idle_s: float, ending_s: float | None = None) -> None:
        """Write what has become worth it after `idle_s`; at the end, what fits into `ending_s`."""
        began = time.monotonic()
        for name, (tokens, cache, kind) in list(self.fresh.items()):
            held = self.held(tokens)
            want = ALL_KEPT if kind == "system" else LITTLE_KEPT
            due = idle_s >= self.soon_s and held < want
            due = due or (idle_s >= self.quiet_s and held < MOST_KEPT)
            size = sum(c.nbytes for c in cache)
            if ending_s is not None:
                left_s = ending_s - (time.monotonic() - began)
                due = held < ALL_KEPT and size / self.bytes_per_s < left_s
            if due:
                del self.fresh[name]
                try:
                    self._write(name, tokens, cache, kind, size)
                except Exception as error:
                    self._refuse(str(error)[:200])
            elif held >= MOST_KEPT and idle_s >= self.quiet_s:
                del self.fresh[name]

    def held(self, tokens: list[int]) -> float:
        """The share of these tokens that a file can give back."""
        most = 0
        for _, other, cuts in self.files.values():
            shared = self.common(tokens, other)
            most = max(most, shared if cuts or shared == len(other) else 0)
        return most / len(tokens)

    def _write(self, name: str, tokens: list[int], cache: Any, kind: str, size: int) -> None:
        import mlx.core as mx

        if not self.prune(size):
            return self._refuse(f"{size} bytes are more than the limit of {self.max_bytes}")
        disk = os.statvfs(self.folder)
        if disk.f_bavail * disk.f_frsize < size + FREE_BYTES:
            return self._refuse("the disk is nearly full")
        began = time.monotonic()
        part, path = (self.folder / f"{name}{end}" for end in (".part.safetensors", ".safetensors"))
        try:
            mx.eval([c.state for c in cache])
            meta = {"tokens": json.dumps(tokens), "type": kind}
            self.caches.save_prompt_cache(str(part), cache, meta)
            part.chmod(0o600)
            if not self.prune(part.stat().st_size, part):
                raise OSError("it would fill the cache's limit")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
        cuts = self._cuts(cache)
        for other, (file, older, _) in list(self.files.items()):
            if other != name and cuts and self.common(tokens, older) >= ALL_KEPT * len(older):
                file.unlink(missing_ok=True)  # what the new one holds
                del self.files[other]
        self.files[name] = (path, tokens, cuts)
        seconds, written = max(1e-3, time.monotonic() - began), path.stat().st_size
        self.bytes_per_s = written / seconds
        self.said = ""
        tell("saved", tokens=len(tokens), bytes=written, seconds=round(seconds, 3))
        return None

    def prune(self, more_bytes: int, but: Path | None = None) -> bool:
        """Make room for so many bytes within the limits, the oldest first; whether there is."""
        total, now = more_bytes, time.time()
        found = [*self.root.glob("*/*/*.safetensors"), *self.root.glob("*/*/*.slot")]
        for path in sorted(found, key=_changed, reverse=True):
            if path == but:
                continue
            try:
                size, changed = path.stat().st_size, path.stat().st_mtime
                if total + size > self.max_bytes or now - changed > self.max_age_s:
                    path.unlink()
                    self.files.pop(path.name.partition(".")[0], None)
                else:
                    total += size
            except OSError:
                continue
        return more_bytes <= self.max_bytes

    def _refuse(self, why: str) -> None:
        if why != self.said:  # said once, and tried again all the same
            self.said = why
            tell("unsaved", why=why)

    def _cuts(self, cache: Any) -> bool:
        return bool(self.caches.can_trim_prompt_cache(cache))


def unsound(path: Path, tokens: list[int], cache: Any) -> str:
    """The reason why a file does not hold what it says; "" when it does."""
    if path.name != f"{name_of(tokens)}.safetensors":
        return "its tokens are not those of its name"
    lengths = {c.offset for c in cache if hasattr(c, "offset") and type(c.offset) is int}
    if lengths - {len(tokens)}:
        return f"it holds {len(tokens)} tokens and {sorted(lengths)} positions"
    return ""


def name_of(tokens: list[int]) -> str:
    """The name of a prompt's file: nothing of the prompt can be read in it."""
    import hashlib

    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()[:32]


def _changed(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def fingerprint(key: Any, args: Any, version: str) -> str:
    """The digest of all that a cache's numbers depend on: weights, adapter, versions, KV form."""
    import hashlib
    from importlib.metadata import version as version_of

    of = [FORMAT, version, version_of("mlx"), args.kv_bits, args.kv_group_size]
    h = hashlib.sha256(json.dumps([*of, args.quantized_kv_start]).encode())
    for part in key:
        h.update(b"|")
        if part is None:
            continue
        folder = Path(part)
        if not folder.exists():
            from huggingface_hub import snapshot_download

            folder = Path(snapshot_download(part, local_files_only=True))
        for file in sorted(folder.glob("*")):
            if file.suffix in (".safetensors", ".npz"):
                stat = file.stat()
                h.update(f"{file.name} {stat.st_size} {stat.st_mtime_ns}|".encode())
            elif file.suffix in (".json", ".model", ".py"):
                h.update(file.name.encode() + b" " + file.read_bytes() + b"|")
    return h.hexdigest()[:24]
