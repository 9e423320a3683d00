"""The facts in a model's directory before the load: window, template, size. Reads only."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyclaude_tui.backends.base import BackendError

_NOT_TRIMMED = re.compile(r"sliding_window|layer_types|linear_|mamba|ssm|conv_|hybrid|recurrent")
_GENERATION_BYTES = 64 * 1024
_SAMPLING: dict[str, tuple[float, float, bool]] = {
    "temperature": (0, 2, False),
    "top_p": (0.001, 0.9999, False),
    "top_k": (1, 1_000_000, True),
    "min_p": (0.0001, 1, False),
    "repetition_penalty": (0.01, 2, False),
    "presence_penalty": (-2, 2, False),
}
"""Values of a `generation_config.json` that mean something: least, most, whole numbers only.
Those beyond (a top_k of 0, a top_p of 1) turn the parameter off, which is what its absence does."""
_WINDOW_KEYS = ("max_position_embeddings", "max_seq_len", "n_positions", "seq_length")


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A model on disk."""

    path: Path
    config: dict[str, Any]
    weight_bytes: int

    @property
    def text_config(self) -> dict[str, Any]:
        """The language model's part of the configuration (nested in multimodal models)."""
        nested = self.config.get("text_config")
        return nested if isinstance(nested, dict) else self.config

    @property
    def window_tokens(self) -> int | None:
        """The context window of the configuration; rope scaling beyond it is left alone."""
        for config in (self.text_config, self.config):
            for key in _WINDOW_KEYS:
                value = config.get(key)
                if isinstance(value, int) and value > 0:
                    return value
        return None

    @property
    def chat_template(self) -> str | None:
        """The chat template's text, from its own file or the tokenizer's configuration."""
        for name in ("chat_template.jinja", "chat_template.json", "tokenizer_config.json"):
            try:
                text = (self.path / name).read_text(encoding="utf-8")
                given = text if name.endswith(".jinja") else json.loads(text).get("chat_template")
                found = template_of(given)
            except (OSError, ValueError, AttributeError):
                continue
            if found:
                return found
        return None

    @property
    def special_tokens(self) -> dict[str, str]:
        """The special tokens that the template may name."""
        try:
            config = json.loads((self.path / "tokenizer_config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            config = {}
        return special_tokens(config if isinstance(config, dict) else {})

    @property
    def sampling(self) -> dict[str, float]:
        """The values of sampling that the model's maker recommends (`generation_config.json`),
        by their usual names; none where that file asks for no sampling."""
        try:
            with (self.path / "generation_config.json").open("rb") as file:
                found = json.loads(file.read(_GENERATION_BYTES))
        except (OSError, ValueError, RecursionError):
            return {}
        if not isinstance(found, dict) or found.get("do_sample") is False:
            return {}
        return {
            name: found[name]
            for name, (least, most, whole) in _SAMPLING.items()
            if _is_number(found.get(name), whole)
            and least <= found[name] <= most
            and not (name.endswith("penalty") and found[name] == _NO_PENALTY[name])
        }

    @property
    def trims(self) -> bool:
        """True if its prompt cache can be cut back to any prefix: no layer has a sliding window or
        a recurrent state, as far as the configuration tells."""
        config = self.text_config
        keys = " ".join(key for key, value in config.items() if value not in (None, False))
        return not _NOT_TRIMMED.search(keys)

    @property
    def tokenizer_dir(self) -> str | None:
        """The directory, when it has a `tokenizer.json`."""
        return str(self.path) if (self.path / "tokenizer.json").is_file() else None


_NO_PENALTY = {"repetition_penalty": 1, "presence_penalty": 0}


def _is_number(value: Any, whole: bool) -> bool:
    """True if a value of JSON is a number; `whole`: one without a fraction."""
    wanted = int if whole else (int, float)
    return isinstance(value, wanted) and not isinstance(value, bool)


def template_of(given: Any) -> str | None:
    """A `chat_template` of a tokenizer's configuration: a text, or several by their names, of
    which the one for tools counts."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        named = {entry.get("name"): entry.get("template") for entry in given if entry}
        given = named.get("tool_use") or named.get("default")
    return given if isinstance(given, str) else None


def special_tokens(config: Mapping[str, Any]) -> dict[str, str]:
    """The special tokens that templates name, from a tokenizer's configuration."""
    return {name: _token(config.get(name)) for name in ("bos_token", "eos_token", "pad_token")}


def _token(value: Any) -> str:
    if isinstance(value, Mapping):
        value = value.get("content")
    return value if isinstance(value, str) else ""


def is_path(model: str) -> bool:
    """A path on this machine, not a name on the Hugging Face hub (`owner/name`)."""
    path = Path(model).expanduser()
    return path.exists() or model.startswith(("/", "~", ".")) or len(path.parts) != 2


def read(path: Path) -> ModelFiles:
    """Read a model's directory. Raises BackendError in words when it is none."""
    if not path.exists():
        raise BackendError(f"no model at {path}: correct the path, or download the model first")
    config_file = path / "config.json"
    if not path.is_dir() or not config_file.is_file():
        raise BackendError(
            f"{path} is not an MLX model: it has no config.json. Give the directory that holds "
            "config.json and the *.safetensors files"
        )
    try:
        config = json.loads(config_file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(f"{config_file} cannot be read: {error}") from None
    weights = [*path.glob("*.safetensors"), *path.glob("*.npz")]
    if not weights:
        raise BackendError(f"{path} has no *.safetensors files: is the download complete?")
    size = sum(file.stat().st_size for file in weights)
    return ModelFiles(path, config if isinstance(config, dict) else {}, size)
