"""Prompt caches on disk: what is written, what is refused, what is removed."""

from __future__ import annotations

import importlib
import json
import os
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from anyclaude_tui.backends.mlx_server import disk_cache, prefixes
from anyclaude_tui.backends.mlx_server.disk_cache import DiskCache

pytestmark = pytest.mark.e2e

VOCABULARY = 960
TOKENS = [3 + n % (VOCABULARY - 3) for n in range(1600)]
"""All within the vocabulary: mlx looks an id beyond it up in whatever memory stands there."""
MB = 1 << 20


@pytest.fixture
def caches() -> Any:
    return importlib.import_module("mlx_lm.models.cache")


Open = Callable[..., DiskCache]


@pytest.fixture
def opened(tmp_path: Path, caches: Any) -> Iterator[Open]:
    """`opened(name)` opens a model's folder; a second time as after the first one's end."""
    held: list[int] = []

    def make(name: str = "model", **more: Any) -> DiskCache:
        given = {"root": str(tmp_path), "max_bytes": 64 * MB, "max_age_s": 1e6, **more}
        disk = DiskCache(given, caches, tmp_path / "backend" / name, prefixes)
        held.append(disk._held)
        return disk

    yield make
    for number in held:
        os.close(number)


def unlock(disk: DiskCache) -> None:
    """As when its process ends."""
    import fcntl

    fcntl.flock(disk._held, fcntl.LOCK_UN)


def cache_of(caches: Any, tokens: list[int], layers: int = 2, width: int = 16) -> list[Any]:
    import mlx.core as mx

    made = [caches.KVCache() for _ in range(layers)]
    for layer in made:
        values = mx.random.normal((1, 2, len(tokens), width))
        layer.update_and_fetch(values, values + 1)
    return made


def written(disk: DiskCache, caches: Any, tokens: list[int] = TOKENS, **more: Any) -> Path:
    disk.note(tokens, cache_of(caches, tokens, **more), "assistant")
    disk.flush(disk.soon_s)
    return disk.folder / f"{disk_cache.name_of(tokens)}.safetensors"


def read(disk: DiskCache, memory_bytes: int = 1 << 40) -> list[list[int]]:
    found: list[list[int]] = []
    disk.read(lambda tokens, cache, kind: found.append(tokens), memory_bytes)
    return found


def test_what_is_written_is_read_and_is_its_owners_alone(opened: Open, caches: Any) -> None:
    disk = opened()
    path = written(disk, caches)
    assert path.stat().st_mode & 0o777 == 0o600
    for folder in (disk.root, disk.folder.parent, disk.folder):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert (disk.folder / "lock").stat().st_mode & 0o777 == 0o600
    unlock(disk)
    assert read(opened()) == [TOKENS]


def test_only_what_is_worth_it_is_written(opened: Open, caches: Any) -> None:
    disk = opened()
    disk.note(TOKENS[:200], cache_of(caches, TOKENS[:200]), "assistant")  # too short
    disk.note(cast(Any, ["image", *TOKENS]), cache_of(caches, TOKENS), "assistant")
    assert not disk.fresh
    disk.note(TOKENS, cache_of(caches, TOKENS), "assistant")
    disk.flush(disk.soon_s / 2)
    assert not disk.files
    disk.flush(disk.soon_s)
    assert len(disk.files) == 1
    longer = [*TOKENS, *range(400)]  # a fourth more: the running conversation
    disk.note(longer, cache_of(caches, longer), "assistant")
    disk.flush(disk.quiet_s - 1)
    assert [len(tokens) for _, tokens, _ in disk.files.values()] == [1600]
    longer += range(100)
    disk.note(longer, cache_of(caches, longer), "assistant")
    disk.flush(disk.quiet_s)
    assert [len(tokens) for _, tokens, _ in disk.files.values()] == [2100]  # in its place
    assert len(list(disk.folder.glob("*.safetensors"))) == 1


def test_the_end_writes_what_fits_into_its_time(opened: Open, caches: Any) -> None:
    disk = opened()
    disk.note(TOKENS, cache_of(caches, TOKENS), "assistant")
    disk.bytes_per_s = 1.0
    disk.flush(0.0, ending_s=5.0)
    assert not disk.files
    disk.bytes_per_s = 1e9
    disk.flush(0.0, ending_s=5.0)
    assert len(disk.files) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
        lambda path: path.write_bytes(b"nonsense"),
        lambda path: path.rename(path.with_name(f"{'0' * 32}.safetensors")),
    ],
    ids=["half a file", "no such file", "another's name"],
)
def test_a_file_that_is_not_sound_is_removed(
    opened: Open, caches: Any, damage: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = opened()
    damage(written(disk, caches))
    unlock(disk)
    assert read(opened()) == []
    assert not list(disk.folder.glob("*.safetensors"))
    assert "unreadable" in capsys.readouterr().err


def test_a_token_count_that_is_not_the_caches_is_refused(opened: Open, caches: Any) -> None:
    disk = opened()
    disk.note(TOKENS, cache_of(caches, TOKENS[:-7]), "assistant")
    disk.flush(disk.soon_s)
    unlock(disk)
    assert read(opened()) == []


def test_a_write_that_was_killed_leaves_nothing(opened: Open, caches: Any) -> None:
    disk = opened()
    path = written(disk, caches)
    part = path.with_name(f"{path.stem}.part.safetensors")
    path.rename(part)
    unlock(disk)
    assert read(opened()) == []
    assert not part.exists()


def test_a_second_server_only_reads(opened: Open, caches: Any) -> None:
    first = opened()
    path = written(first, caches)
    second = opened()
    assert (first.readonly, second.readonly) == (False, True)
    assert read(second) == [TOKENS]
    more = list(range(2000, 4000))
    second.note(more, cache_of(caches, more), "assistant")
    second.flush(1e6)
    assert list(first.folder.glob("*.safetensors")) == [path]


def test_a_full_disk_is_said_once_and_costs_no_more(
    opened: Open, caches: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    disk = opened()
    space = namedtuple("space", "f_bavail f_frsize")
    monkeypatch.setattr(os, "statvfs", lambda _: space(10, 4096))
    written(disk, caches)
    monkeypatch.undo()

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    disk.caches = SimpleNamespace(
        save_prompt_cache=fails, can_trim_prompt_cache=caches.can_trim_prompt_cache
    )
    written(disk, caches)
    written(disk, caches, TOKENS[::-1])
    assert not list(disk.folder.glob("*.safetensors"))
    said = capsys.readouterr().err
    assert said.count("the disk is nearly full") == 1
    assert said.count("No space left") == 1


def test_the_folder_never_grows_beyond_its_limit(opened: Open, caches: Any) -> None:
    size = written(opened("probe"), caches).stat().st_size
    limit = int(3.5 * size)
    for number in range(6):
        disk = opened(f"model{number}", max_bytes=limit)
        tokens = [number, *TOKENS]
        path = written(disk, caches, tokens)
        os.utime(path, (time.time() - 100 + number,) * 2)
        everything = list(disk.root.rglob("*.safetensors"))
        assert sum(file.stat().st_size for file in everything) <= limit
        assert path in everything
    assert len(everything) == 3
    tiny = opened("tiny", max_bytes=size // 2)
    written(tiny, caches)
    assert not list(tiny.root.rglob("*.safetensors"))  # its limit holds for what was there too


def test_what_is_old_is_removed(opened: Open, caches: Any) -> None:
    disk = opened()
    path = written(disk, caches)
    os.utime(path, (1e9, 1e9))
    unlock(disk)
    assert read(opened()) == []
    assert not path.exists()


def test_more_on_disk_than_memory_takes_the_newest(opened: Open, caches: Any) -> None:
    disk = opened()
    prompts = [[number, *TOKENS] for number in range(4)]
    for number, tokens in enumerate(prompts):
        path = written(disk, caches, tokens)
        os.utime(path, (time.time() - 100 + number,) * 2)
    size = path.stat().st_size
    unlock(disk)
    assert read(opened(), memory_bytes=5 * size) == prompts[2:]  # half of it, the newest last


def test_the_fingerprint_tells_what_the_numbers_depend_on(tmp_path: Path) -> None:
    model, adapter = tmp_path / "model", tmp_path / "adapter"
    for folder in (model, adapter):
        folder.mkdir()
        (folder / "weights.safetensors").write_bytes(b"12345")
        (folder / "config.json").write_text(json.dumps({"a": 1}))
    args = SimpleNamespace(kv_bits=None, kv_group_size=64, quantized_kv_start=0)

    def now(key: Any = (str(model), None), version: str = "0.32.2", **change: Any) -> str:
        return disk_cache.fingerprint(key, SimpleNamespace(**{**vars(args), **change}), version)

    seen = {now()}
    assert now() in seen
    for other in (
        now(version="0.32.3"),
        now(kv_bits=4),
        now(key=(str(model), str(adapter))),
        now(key=(str(adapter), None)),
    ):
        assert other not in seen
        seen.add(other)
    (model / "config.json").write_text(json.dumps({"a": 2}))
    assert now() not in seen
    seen.add(now())
    (model / "weights.safetensors").write_bytes(b"54321")
    os.utime(model / "weights.safetensors", (1e9, 1e9))
    assert now() not in seen


@pytest.mark.parametrize("kind", ["plain", "sliding", "hybrid"])
def test_restored_is_warm_to_the_last_bit(
    kind: str, opened: Open, caches: Any, tmp_path: Path
) -> None:
    import mlx.core as mx

    from benchmarks import random_models

    assert random_models.VOCABULARY == VOCABULARY
    utils: Any = importlib.import_module("mlx_lm.utils")
    generate: Any = importlib.import_module("mlx_lm.generate")
    model, _ = utils.load(str(random_models.make(tmp_path / kind, kind)))
    batch = generate.BatchGenerator(model, prefill_step_size=512)
    batch.insert([TOKENS], [3])
    warm: Any = None
    while answers := batch.next_generated():
        for answer in answers:
            if answer.finish_reason:
                warm, tokens = answer.prompt_cache, list(answer.all_tokens)
    disk = opened()
    disk.note(tokens, warm, "assistant")
    disk.flush(disk.soon_s)
    unlock(disk)
    found: list[Any] = []
    opened().read(lambda tokens, cache, kind: found.append(cache), 1 << 40)
    more = mx.array([[5, 6, 7]])
    (restored,) = found
    assert mx.array_equal(model(more, cache=warm), model(more, cache=restored)).item()
