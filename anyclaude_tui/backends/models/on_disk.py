"""Models on this machine's disk: in Hugging Face's cache, in LM Studio's folder, among Ollama's
blobs, elsewhere; MLX folders and GGUF files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.lmstudio import files as lmstudio_files
from anyclaude_tui.backends.models import files as modelfiles
from anyclaude_tui.backends.models import gguf, memory, ollama

MODELS_MAX = 200
"""Enough to choose from; a folder with more was not meant."""


@dataclass(frozen=True, slots=True)
class DiskModel:
    """A model that a server could be started with."""

    name: str
    path: Path
    place: str
    """The place where it was found, in words."""
    size_bytes: int
    window_tokens: int | None
    fits: bool
    format: str = "mlx"
    """As `model_format` of a kind that can be started with it."""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A possible model: a folder with an MLX model or with GGUF files, or one such file."""

    name: str
    path: Path
    place: str


USUAL_FOLDER = "~/models"
"""The folder where people put models by hand; the documentation's examples have them there."""


def looked_in(folders: Sequence[str] = ()) -> str:
    """The places that `find_models` searches, in words: `folders` are the user's own."""
    own = dict.fromkeys((*folders, USUAL_FOLDER))
    return f"{', '.join(own)} and the folders of Hugging Face, LM Studio, llama.cpp and Ollama"


def hub_folder(env: Mapping[str, str] = os.environ) -> Path:
    """Hugging Face's cache of models."""
    given = env.get("HF_HUB_CACHE")
    home = env.get("HF_HOME") or "~/.cache/huggingface"
    return Path(given or f"{home}/hub").expanduser()


def llama_cpp_folders(env: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders of llama.cpp's own downloads, on Linux and on macOS."""
    given = env.get("LLAMA_CACHE")
    usual = ("~/.cache/llama.cpp", "~/Library/Caches/llama.cpp")
    return [Path(place).expanduser() for place in ((given,) if given else usual)]


def find_models(
    folders: Sequence[str] = (), env: Mapping[str, str] = os.environ
) -> list[DiskModel]:
    """The language models found, sorted by name. Blocks: it reads directories."""
    found: dict[Path, DiskModel] = {}
    for candidate in _candidates(folders, env):
        for name, path in _models_in(candidate):
            real = path.resolve()
            if len(found) >= MODELS_MAX:
                break
            if real in found:
                continue
            try:
                found[real] = _read(name, path, candidate.place)
            except (BackendError, OSError):
                continue
    return sorted(found.values(), key=lambda model: model.name.lower())


def _models_in(candidate: _Candidate) -> Iterator[tuple[str, Path]]:
    """The models of a candidate with their names: the folder itself, and each GGUF file."""
    path = candidate.path
    if path.is_file():
        yield candidate.name, path
        return
    if (path / "config.json").is_file():
        yield candidate.name, path
    for file in _gguf_files(path):
        name = gguf.stem(file)
        yield (
            (f"{candidate.name.partition('/')[0]}/{name}" if "/" in candidate.name else name),
            file,
        )


def _gguf_files(folder: Path) -> list[Path]:
    """The GGUF files in a folder and in those of a quantisation each below it; of one that was
    split the first part, and none with which another model sees."""
    try:
        found = [*folder.glob("*.gguf"), *folder.glob("*/*.gguf")][: 2 * MODELS_MAX]
    except OSError:
        return []
    return sorted(
        file for file in found if "mmproj" not in file.name.lower() and not gguf.is_later_part(file)
    )


def _read(name: str, path: Path, place: str) -> DiskModel:
    """Raises BackendError where it is none that chats."""
    if path.is_dir():
        files = modelfiles.read(path)
        if not _writes_text(files):
            raise BackendError(f"{path} writes no text: choose another")
        fits = memory.estimate(files).fits
        return DiskModel(
            name, path.absolute(), place, files.weight_bytes, files.window_tokens, fits
        )
    model = gguf.read(path, whole=False)
    if not model.chats:
        raise BackendError(f"{path} does not chat: choose another")
    fits = memory.estimate_gguf(model).fits
    return DiskModel(
        name, path.absolute(), place, model.weight_bytes, model.window_tokens, fits, "gguf"
    )


def _candidates(folders: Sequence[str], env: Mapping[str, str]) -> Iterator[_Candidate]:
    for folder in (*folders, USUAL_FOLDER):
        root = Path(folder).expanduser()
        for path in (root, *_subfolders(root)):
            yield _Candidate(path.name, path, str(root))
    for repo in _subfolders(hub_folder(env)):
        if repo.name.startswith("models--"):
            name = repo.name.removeprefix("models--").replace("--", "/")
            snapshots = sorted(
                _subfolders(repo / "snapshots"), key=lambda path: path.stat().st_mtime
            )
            if snapshots:
                yield _Candidate(name, snapshots[-1], "Hugging Face cache")
    for models in lmstudio_files.model_folders():
        for owner in _subfolders(models):
            for path in _subfolders(owner):
                yield _Candidate(f"{owner.name}/{path.name}", path, lmstudio_files.PLACE)
    for cache in llama_cpp_folders(env):
        yield _Candidate(cache.name, cache, "llama.cpp's cache")
    for name, blob in ollama.models(env):
        yield _Candidate(name, blob, "Ollama")


def _subfolders(folder: Path) -> list[Path]:
    try:
        return [path for path in folder.iterdir() if path.is_dir()]
    except OSError:
        return []


def _writes_text(files: modelfiles.ModelFiles) -> bool:
    """A language model, not an embedding, speech or image model."""
    names = " ".join(str(name) for name in files.config.get("architectures") or ())
    return not names or "CausalLM" in names or "ConditionalGeneration" in names
