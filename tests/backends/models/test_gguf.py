"""The header of a GGUF file, from anywhere: read as far as it is sound, refused in words."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anyclaude_tui.backends import machine
from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.machine import Memory
from anyclaude_tui.backends.models import gguf, memory
from tests.support.assets import TINY_GGUF

GIB = 2**30
LLAMA: dict[str, Any] = {
    "general.architecture": "llama",
    "general.file_type": 15,
    "llama.context_length": 131_072,
    "llama.embedding_length": 4096,
    "llama.block_count": 32,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
}


def packed(values: dict[str, Any], version: int = 3) -> bytes:
    """A header with these values: texts, numbers, lists of either."""

    def text(value: str) -> bytes:
        data = value.encode()
        return struct.pack("<Q", len(data)) + data

    def value_of(value: Any) -> tuple[int, bytes]:
        if isinstance(value, str):
            return 8, text(value)
        if isinstance(value, bool):
            return 7, struct.pack("<?", value)
        if isinstance(value, int):
            return 4, struct.pack("<I", value)
        members = [value_of(member) for member in value]
        kind = members[0][0] if members else 4
        body = b"".join(data for _, data in members)
        return 9, struct.pack("<IQ", kind, len(members)) + body

    out = b"GGUF" + struct.pack("<IQQ", version, 0, len(values))
    for key, value in values.items():
        kind, body = value_of(value)
        out += text(key) + struct.pack("<I", kind) + body
    return out


def model(folder: Path, values: dict[str, Any], name: str = "m.gguf") -> gguf.Gguf:
    path = folder / name
    path.write_bytes(packed(values))
    return gguf.read(path)


def test_the_tiny_model() -> None:
    found = gguf.read(TINY_GGUF)
    assert (found.architecture, found.quantisation) == ("granite_swa", "F16")
    assert found.window_tokens == 131_072
    assert "<tool_call>" in (found.chat_template or "")
    assert found.chats
    assert found.kv_bytes == (128, 256, 96)  # one layer of three has the whole window
    assert gguf.read(TINY_GGUF, whole=False).chat_template is None


def test_the_memory_it_needs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "MACOS", False)
    found = model(tmp_path, LLAMA)
    need = memory.estimate_gguf(found, memory=Memory(32 * GIB, GIB))
    assert need.kv_bytes == 16 * GIB  # 2 × 2 bytes × 8 heads × 128 × 32 layers × 131,072
    assert found.quantisation == "Q4_K_M"
    assert memory.estimate_gguf(found, 4096, Memory(32 * GIB, GIB)).kv_bytes == GIB // 2


def test_layers_that_do_not_grow(tmp_path: Path) -> None:
    one = 2 * 8 * (128 + 128)
    heads = {**LLAMA, "llama.attention.head_count_kv": [8, 0] * 16}
    assert model(tmp_path, heads).kv_bytes[0] == 16 * one
    gemma = {key.replace("llama.", "gemma3."): value for key, value in LLAMA.items()}
    gemma |= {"general.architecture": "gemma3", "gemma3.attention.sliding_window": 1024}
    assert model(tmp_path, gemma).kv_bytes == (5 * one, 27 * one, 1024)  # one of six
    hybrid = {**LLAMA, "llama.full_attention_interval": 4}
    assert model(tmp_path, hybrid).kv_bytes[0] == 8 * one


@pytest.mark.parametrize(
    "more",
    [
        {"general.type": "mmproj"},
        {"general.type": "adapter"},
        {"general.architecture": "clip"},
        {"llama.pooling_type": 1},
        {"llama.context_length": 0},
    ],
)
def test_what_does_not_chat(tmp_path: Path, more: dict[str, Any]) -> None:
    assert model(tmp_path, LLAMA).chats
    assert not model(tmp_path, {**LLAMA, **more}).chats


def test_a_split_model_counts_with_all_its_parts(tmp_path: Path) -> None:
    first, second = (tmp_path / f"big-0000{n}-of-00002.gguf" for n in (1, 2))
    first.write_bytes(packed(LLAMA))
    with pytest.raises(BackendError, match=r"big-00002-of-00002.gguf is missing: is the download"):
        gguf.read(first)
    second.write_bytes(b"x" * 1000)
    assert gguf.read(first).weight_bytes == len(packed(LLAMA)) + 1000
    assert gguf.stem(first) == "big"
    assert gguf.is_later_part(second)
    assert not gguf.is_later_part(first)


def test_long_lists_are_passed_over(tmp_path: Path) -> None:
    values = {"general.architecture": "llama", "a": [1] * 5000, "b": ["x"] * 5000, "c": [1, 2]}
    assert model(tmp_path, values).values == {"general.architecture": "llama", "c": [1, 2]}


def test_no_length_is_believed(tmp_path: Path) -> None:
    """A text, a list or a number of keys that is longer than the file, or than anything."""
    path = tmp_path / "m.gguf"
    many = struct.pack("<Q", 2**63)
    head = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"a"
    for data in (
        b"GGUF" + struct.pack("<IQ", 3, 0) + many,
        head + struct.pack("<I", 8) + many,
        head + struct.pack("<II", 9, 8) + many,
        head + struct.pack("<II", 9, 4) + many,
        head + struct.pack("<II", 9, 9) + struct.pack("<Q", 1),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + many,
    ):
        path.write_bytes(data)
        with pytest.raises(BackendError, match="is not a GGUF file that can be read"):
            gguf.read(path)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 300), st.integers(0, 255))
def test_any_bytes_are_read_or_refused(data: bytes, place: int, byte: int) -> None:
    whole = packed(LLAMA | {"tokenizer.ggml.tokens": ["a", "b"], "tokenizer.chat_template": "x"})
    damaged = bytearray(whole)
    damaged[place % len(damaged)] = byte
    path = _SCRATCH / "m.gguf"
    for content in (data, b"GGUF" + data, whole[:place], bytes(damaged)):
        path.write_bytes(content)
        try:
            found = gguf.read(path)
        except BackendError:
            continue
        assert isinstance(found.chats, bool)
        assert memory.estimate_gguf(found).total_bytes > 0


_SCRATCH: Path


@pytest.fixture(autouse=True, scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> None:
    global _SCRATCH
    _SCRATCH = tmp_path_factory.mktemp("gguf")


@pytest.mark.parametrize("damage", ["missing", "folder", "empty"])
def test_what_is_no_file_is_refused_in_words(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "m.gguf"
    if damage == "folder":
        path.mkdir()
    elif damage == "empty":
        path.touch()
    words = {"missing": "no model at", "folder": "give the file itself", "empty": "is not a GGUF"}
    with pytest.raises(BackendError, match=words[damage]):
        gguf.read(path)
