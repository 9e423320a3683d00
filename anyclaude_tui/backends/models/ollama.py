"""Ollama's models on disk: a manifest for each names the blob that is a GGUF file.

`manifests/HOST/OWNER/NAME/TAG` below its folder is JSON with `layers`; the one of the media type
`application/vnd.ollama.image.model` has the digest of the file `blobs/sha256-…` (Ollama 0.14).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

_MODEL = "application/vnd.ollama.image.model"
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})")
_SERVICE = "/usr/share/ollama/.ollama/models"
"""The models' folder of the service that its Linux installer sets up."""
_MANIFEST_BYTES_MOST = 2**20
_MANIFESTS_MOST = 1000


def folders(env: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders that may hold its models."""
    given = env.get("OLLAMA_MODELS")
    return [Path(place).expanduser() for place in (given or "~/.ollama/models", _SERVICE)]


def models(env: Mapping[str, str] = os.environ) -> Iterator[tuple[str, Path]]:
    """Each model's name (`qwen3:8b`) and its file. Blocks; what cannot be read is left out."""
    for folder in folders(env):
        try:
            manifests = sorted((folder / "manifests").glob("*/*/*/*"))[:_MANIFESTS_MOST]
        except OSError:
            continue
        for manifest in manifests:
            blob = _blob(folder, manifest)
            if blob is not None and blob.is_file():
                yield _name(manifest), blob


def name_of(blob: Path) -> str | None:
    """The name of the model whose file this is; None where it is none of Ollama's."""
    if blob.parent.name != "blobs" or not _DIGEST.fullmatch(blob.name):
        return None
    env = {"OLLAMA_MODELS": str(blob.parent.parent)}
    return next((name for name, path in models(env) if path.name == blob.name), None)


def _name(manifest: Path) -> str:
    owner, name = manifest.parts[-3], manifest.parts[-2]
    return f"{'' if owner == 'library' else f'{owner}/'}{name}:{manifest.name}"


def _blob(folder: Path, manifest: Path) -> Path | None:
    try:
        if manifest.stat().st_size > _MANIFEST_BYTES_MOST:
            return None
        told: Any = json.loads(manifest.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    layers = told.get("layers") if isinstance(told, dict) else None
    for layer in layers if isinstance(layers, list) else ():
        if isinstance(layer, dict) and layer.get("mediaType") == _MODEL:
            found = _DIGEST.fullmatch(str(layer.get("digest")))
            return folder / "blobs" / f"sha256-{found[1]}" if found else None
    return None
