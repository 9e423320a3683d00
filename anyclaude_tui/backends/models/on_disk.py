"""MLX models on this machine's disk: in Hugging Face's cache, in LM Studio's folder, elsewhere."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.lmstudio import files as lmstudio_files
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.models import memory

MODELS_MAX = 200
"""Enough to choose from; a folder with more was not meant."""


@dataclass(frozen=True, slots=True)
class DiskModel:
    """A model that a server could be started with."""

    name: str
    path: Path
    place: str
    """Where it was found, in words."""
    size_bytes: int
    window_tokens: int | None
    fits: bool
    format: str = "mlx"
    """As `model_format` of a kind that can be started with it."""


def hub_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Hugging Face's cache of models."""
    given = env.get("HF_HUB_CACHE")
    home = env.get("HF_HOME") or "~/.cache/huggingface"
    return Path(given or f"{home}/hub").expanduser()


def find_models(
    folders: Sequence[str] = (), env: Mapping[str, str] = os.environ
) -> list[DiskModel]:
    """The language models found, sorted by name. Blocks: it reads directories."""
    found: dict[Path, DiskModel] = {}
    for name, path, place in _candidates(folders, env):
        real = path.resolve()
        if len(found) >= MODELS_MAX:
            break
        if real in found:
            continue
        try:
            files = modelfiles.read(path)
        except (BackendError, OSError):
            continue
        if not _writes_text(files):
            continue
        estimate = memory.estimate(files)
        found[real] = DiskModel(
            name, path.absolute(), place, files.weight_bytes, files.window_tokens, estimate.fits
        )
    return sorted(found.values(), key=lambda model: model.name.lower())


def _candidates(folders: Sequence[str], env: Mapping[str, str]) -> Iterator[tuple[str, Path, str]]:
    """Name, directory and place of what may be a model."""
    for folder in folders:
        root = Path(folder).expanduser()
        for path in (root, *_subfolders(root)):
            yield path.name, path, str(root)
    for repo in _subfolders(hub_folder(env)):
        if repo.name.startswith("models--"):
            name = repo.name.removeprefix("models--").replace("--", "/")
            snapshots = sorted(
                _subfolders(repo / "snapshots"), key=lambda path: path.stat().st_mtime
            )
            if snapshots:
                yield name, snapshots[-1], "Hugging Face cache"
    for models in lmstudio_files.model_folders():
        for owner in _subfolders(models):
            for path in _subfolders(owner):
                yield f"{owner.name}/{path.name}", path, lmstudio_files.PLACE


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _writes_text(files: modelfiles.ModelFiles) -> bool:
    """A language model, not an embedding, speech or image model."""
    names = " ".join(str(name) for name in files.config.get("architectures") or ())
    return not names or "CausalLM" in names or "ConditionalGeneration" in names
