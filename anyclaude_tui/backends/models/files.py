"""What a model's directory tells before the model is loaded: window, template, size. Reads only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anyclaude_tui.backends.base import BackendError

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
                found = text if name.endswith(".jinja") else json.loads(text).get("chat_template")
            except (OSError, ValueError, AttributeError):
                continue
            if found:
                return found if isinstance(found, str) else json.dumps(found)
        return None

    @property
    def tokenizer_dir(self) -> str | None:
        """The directory, when it has a `tokenizer.json`."""
        return str(self.path) if (self.path / "tokenizer.json").is_file() else None


def is_path(model: str) -> bool:
    """A path on this machine, not a name on the Hugging Face hub (`owner/name`)."""
    path = Path(model).expanduser()
    return path.exists() or model.startswith(("/", "~", ".")) or len(path.parts) != 2


def read(path: Path) -> ModelFiles:
    """What is in a model directory. Raises BackendError in words when it is none."""
    if not path.exists():
        raise BackendError(f"no model at {path}: correct the path, or download the model first")
    config_file = path / "config.json"
    if not path.is_dir() or not config_file.is_file():
        raise BackendError(
            f"{path} is no MLX model: it has no config.json. Give the directory that holds "
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
