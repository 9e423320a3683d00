"""The facts in a GGUF file's header: architecture, window, layers, template. Reads only.

The header comes from anywhere, so that no length in it is believed: everything is bounded, and a
long list is passed over without being kept. (The package `gguf` maps the file and makes an array
of each of 150,000 tokens: seconds a file, for a list of all files on the disk.)

Source: ggml's GGUF specification, versions 2 and 3.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from typing import Any

from anyclaude_tui.backends.base import BackendError

MAGIC = b"GGUF"
KEYS_MOST = 10_000
KEY_BYTES_MOST = 1024
TEXT_BYTES_MOST = 4 * 2**20
"""A chat template has some 20 KB; a longer text than this is not read."""
LIST_MOST = 4096
"""Members of a list that are kept: one a layer. Of a longer one nothing is."""
HEADER_BYTES_MOST = 256 * 2**20
"""The largest header that is read, in bytes; 262,144 tokens with their merges take 12 MB."""
_TEXT, _LIST = 8, 9
_NUMBERS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?"} | {
    10: "<Q",
    11: "<q",
    12: "<d",
}
_PART = re.compile(r"-(\d{5})-of-(\d{5})\.gguf$")
_TEMPLATE = "tokenizer.chat_template"
_SLIDING_EVERY = {"gemma2": 2, "gemma3": 6, "gemma3n": 5, "gpt-oss": 2, "cohere2": 4}
"""Of so many layers one has the whole window, where the file does not list them: known to
llama.cpp by the architecture."""
_FILE_TYPES = {0: "F32", 1: "F16", 2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1"} | {
    10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L", 14: "Q4_K_S", 15: "Q4_K_M",
    16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS", 21: "Q2_K_S",
    22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M",
    28: "IQ2_S", 29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 32: "BF16", 36: "TQ1_0", 37: "TQ2_0",
    38: "MXFP4",
}  # fmt: skip
"""`general.file_type`, as llama.h numbers it (2026.10.11549)."""
_NO_CHAT = frozenset({"clip", "bert", "nomic-bert", "nomic-bert-moe", "jina-bert-v2", "t5encoder"})
"""Architectures that embed, or see for another model."""


@dataclass(frozen=True, slots=True)
class Gguf:
    """A model in a GGUF file, or in several parts of one."""

    path: Path
    values: dict[str, Any]
    """The header's keys; lists too long to be kept are not among them."""
    weight_bytes: int
    """Of all parts."""
    parts: tuple[Path, ...] = field(default=())

    @property
    def architecture(self) -> str:
        """The name of its architecture; "" where there is none."""
        return self._text("general.architecture")

    @property
    def window_tokens(self) -> int | None:
        """The context window that it was trained with."""
        return self.number("context_length")

    @property
    def chat_template(self) -> str | None:
        """The chat template's text, where the header was read to its end."""
        return self._text(_TEMPLATE) or None

    @property
    def quantisation(self) -> str:
        """The quantisation of most of its weights; "" where it is not told."""
        return _FILE_TYPES.get(_count(self.values.get("general.file_type")) or 0, "")

    @property
    def chats(self) -> bool:
        """True if the model writes text: no projector, adapter or embedding model."""
        if self._text("general.type") not in ("", "model") or self.architecture in _NO_CHAT:
            return False
        return f"{self.architecture}.pooling_type" not in self.values and bool(self.window_tokens)

    @property
    def kv_bytes(self) -> tuple[int, int, int]:
        """The KV cache at 16 bits: bytes a token of the layers with the whole window; bytes a
        token of those with a sliding one, and that one's tokens."""
        layers = min(self.number("block_count") or 0, LIST_MOST)
        full = [self._layer_kv_bytes(layer) for layer in range(layers)]
        span = self.number("attention.sliding_window") or 0
        sliding = self._sliding(layers) if span else [False] * layers
        every = self.number("full_attention_interval") or 0
        if every > 1:  # Qwen3-Next: the others have a state of fixed size
            full = [size if (i + 1) % every == 0 else 0 for i, size in enumerate(full)]
        whole = sum(size for size, slides in zip(full, sliding, strict=True) if not slides)
        return whole, sum(full) - whole, span

    def number(self, key: str) -> int | None:
        """A count of the architecture's own, more than 0; None where it is not told."""
        return _count(self.values.get(f"{self.architecture}.{key}")) or None

    def _text(self, key: str) -> str:
        value = self.values.get(key)
        return value if isinstance(value, str) else ""

    def _layer_kv_bytes(self, layer: int) -> int:
        heads = self.number("attention.head_count") or 0
        given = self.values.get(f"{self.architecture}.attention.head_count_kv")
        if isinstance(given, list):  # a layer without attention has 0
            kv_heads = _count(given[layer]) or 0 if layer < len(given) else 0
        else:
            kv_heads = _count(given) or heads
        size = (self.number("embedding_length") or 0) // heads if heads else 0
        keys = self.number("attention.key_length") or size
        values = self.number("attention.value_length") or size
        return 2 * kv_heads * (keys + values)

    def _sliding(self, layers: int) -> list[bool]:
        pattern = self.values.get(f"{self.architecture}.attention.sliding_window_pattern")
        if isinstance(pattern, list) and len(pattern) >= layers:
            return [bool(slides) for slides in pattern[:layers]]
        every = _count(pattern) or _SLIDING_EVERY.get(self.architecture, 1)
        return [(layer + 1) % every != 0 for layer in range(layers)]


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**40
    return value if is_count else None


def read(path: Path, *, whole: bool = True) -> Gguf:
    """Read a file's header; not `whole`: only the part in front of its vocabulary, which is the
    most of a header (the template stands behind). Raises BackendError in words."""
    if not path.exists():
        raise BackendError(f"no model at {path}: correct the path, or download the model first")
    if not path.is_file():
        raise BackendError(f"{path} is not a GGUF file: give the file itself, NAME.gguf")
    try:
        with path.open("rb") as file:
            values = _Header(file, whole=whole).read()
        parts = tuple(_parts(path))
        size = sum(part.stat().st_size for part in parts)
    except FileNotFoundError as error:
        raise BackendError(f"{error.filename} is missing: is the download complete?") from None
    except OSError as error:
        raise BackendError(f"{path} cannot be read: {error.strerror or error}") from None
    except (ValueError, struct.error) as error:
        raise BackendError(f"{path} is not a GGUF file that can be read: {error}") from None
    return Gguf(path, values, size, parts)


def _parts(path: Path) -> list[Path]:
    """All files of a model that was split; the first one is what a server is given."""
    found = _PART.search(path.name)
    if found is None:
        return [path]
    count = min(int(found[2]), 999)
    stem = path.name[: found.start()]
    return [path.with_name(f"{stem}-{n:05}-of-{found[2]}.gguf") for n in range(1, count + 1)]


def stem(path: Path) -> str:
    """A file's name without its ending and the number of its part."""
    return _PART.sub("", path.name).removesuffix(".gguf")


def is_later_part(path: Path) -> bool:
    """True if it is a part of a split model other than the first."""
    found = _PART.search(path.name)
    return found is not None and int(found[1]) != 1


class _Header:
    """One header, read once. Raises ValueError where it is none, or not to be believed."""

    def __init__(self, file: BufferedReader, *, whole: bool) -> None:
        self._file = file
        self._whole = whole
        self._size = file.seek(0, 2)
        file.seek(0)

    def read(self) -> dict[str, Any]:
        """Its keys and what is kept of their values."""
        if self._take(4) != MAGIC:
            raise ValueError("it does not begin with GGUF")
        version = self._number("<I")
        if version not in (2, 3):
            raise ValueError(f"version {version} of the format is not known")
        self._number("<Q")  # tensors
        count = self._number("<Q")
        if count > KEYS_MOST:
            raise ValueError(f"{count} keys are beyond any use")
        found: dict[str, Any] = {}
        for _ in range(count):
            key = self._text(KEY_BYTES_MOST)
            kind = self._number("<I")
            if not self._whole and (key or "").startswith("tokenizer."):
                break
            value = self._value(kind)
            if key and value is not None:
                found[key] = value
        return found

    def _value(self, kind: int) -> Any:
        if kind == _TEXT:
            return self._text(TEXT_BYTES_MOST)
        if kind in _NUMBERS:
            return self._number(_NUMBERS[kind])
        if kind != _LIST:
            raise ValueError(f"a value of the unknown kind {kind}")
        member, count = self._number("<I"), self._number("<Q")
        if member == _TEXT:
            self._pass_texts(count)
            return None
        form = _NUMBERS.get(member)
        if form is None:
            raise ValueError(f"a list of the kind {member}")
        length = struct.calcsize(form) * count
        if count > LIST_MOST:
            self._pass(length)
            return None
        return [value for (value,) in struct.iter_unpack(form, self._take(length))]

    def _pass_texts(self, count: int) -> None:
        for _ in range(count):  # ends with the file: each has a length of 8 bytes
            self._pass(self._number("<Q"))

    def _text(self, most: int) -> str | None:
        """A text; None for one that is longer than `most`, which is passed over."""
        length = self._number("<Q")
        if length > most:
            self._pass(length)
            return None
        return self._take(length).decode("utf-8", "replace")

    def _number(self, form: str) -> Any:
        (value,) = struct.unpack(form, self._take(struct.calcsize(form)))
        return value

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) != length:
            raise ValueError("it ends in its header: is the download complete?")
        if self._file.tell() > HEADER_BYTES_MOST:
            raise ValueError("its header does not end")
        return data

    def _pass(self, length: int) -> None:
        here = self._file.tell()
        if here + length > min(self._size, HEADER_BYTES_MOST):
            raise ValueError("it ends in its header: is the download complete?")
        if length < 65536:
            self._file.read(length)  # within what is buffered; a seek would empty it
        else:
            self._file.seek(length, 1)
