"""Public packages that ship chat templates, brought into a temporary folder by pip.

Pinned; nothing is installed, and of source distributions nothing is built: what is wanted lies
in them as it is.
"""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

WHEELS = {
    "trl==1.16.0": "trl/chat_templates/*.jinja",
    "axolotl==0.19.0": "axolotl/utils/chat_templates/templates/*.jinja",
}
SOURCES = {
    "llama_cpp_python==0.3.36": ("vendor/llama.cpp/models/templates/*.jinja",),
    "vllm==0.33.0": ("examples/t*_template*.jinja", "rust/src/chat/tests/templates/*.jinja"),
}
_SECONDS = 900


def bring(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of each template, each text once."""
    seen: set[str] = set()
    for name, text in sorted([*_from_sources(folder), *_from_wheels(folder)]):
        if text not in seen:
            seen.add(text)
            yield name, text


def _from_wheels(folder: Path) -> Iterator[tuple[str, str]]:
    for package, pattern in WHEELS.items():
        into = folder / package
        _pip(package, "--only-binary", ":all:", "-d", str(into), check=True)
        for path in into.glob("*.whl"):
            with zipfile.ZipFile(path) as wheel:
                for member in wheel.namelist():
                    if fnmatch(member, pattern):
                        yield _name(package, member), wheel.read(member).decode()


def _from_sources(folder: Path) -> Iterator[tuple[str, str]]:
    for package, patterns in SOURCES.items():
        into = folder / package
        into.mkdir(parents=True)
        # pip unpacks a source distribution and asks it for its metadata, for which vLLM wants
        # all of torch. What it has unpacked by then is kept, and is all that is wanted.
        name = package.partition("==")[0]
        how = ("--no-clean", "--no-build-isolation", "--no-binary", name, "-d", str(into / "done"))
        environment = {**os.environ, "TMPDIR": str(into)}
        _pip(package, *how, check=False, environment=environment)
        found = [path for pattern in patterns for path in into.glob(f"pip-*/*/{pattern}")]
        if not found:
            raise SystemExit(f"pip brought no templates of {package}")
        for path in found:
            yield _name(package, path.name), path.read_text(encoding="utf-8")


def _pip(package: str, *how: str, check: bool, environment: dict[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", *how, package]
    subprocess.run(
        command,
        check=check,
        timeout=_SECONDS,
        env=environment,
        stderr=None if check else subprocess.DEVNULL,
        stdout=None if check else subprocess.DEVNULL,
    )


def _name(package: str, path: str) -> str:
    return f"{package.partition('_')[0].partition('=')[0]}: {Path(path).stem}"
