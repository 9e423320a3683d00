"""What comments and docstrings refer to: pages, their sections, numbers of issues.

A reader of the source has the repository and nothing else.
"""

from __future__ import annotations

import ast
import io
import os
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDERS = ("anyclaude_tui", "tests", "tools", "benchmarks", "findings")
OF_THE_USER = {"CLAUDE.md", "AGENTS.md", "SKILL.md"}
"""Pages of a user's project that Claude Code reads: they are named, and not ours."""


def prose(source: str) -> Iterator[str]:
    """The docstrings of a module, with those below constants, and its runs of comments."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text
    run: list[str] = []
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            if token.start[0] != last + 1 and run:
                yield "\n".join(run)
                run = []
            run.append(token.string.lstrip("#").strip())
            last = token.start[0]
    if run:
        yield "\n".join(run)


def sources() -> list[Path]:
    """What people write here and no tool reads as text for users."""
    found = [ROOT / "Makefile", ROOT / "pyproject.toml"]
    for folder in FOLDERS:
        for where, folders, names in os.walk(ROOT / folder):
            folders[:] = sorted(set(folders) - {"node_modules", "__pycache__"})
            found += [Path(where, name) for name in sorted(names) if name.endswith((".py", ".sh"))]
    return found


def texts(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    if not re.search(r"\.md\b|#\d|\bissue", text):
        return []  # the tokenizer is slow
    if path.suffix == ".py":
        return list(prose(text))
    return [line for line in text.splitlines() if "#" in line]


def referred(text: str) -> list[tuple[str, str]]:
    """The pages that a text names, each with the section that follows its name, or with ""."""
    bare = re.sub(r"https?://\S+", "", " ".join(text.split()))
    form = r"(?<![\w./-])([\w./-]+\.md)\b`?(?:(?:, | \()\"([^\"]+)\")?"
    return [
        (one.group(1), one.group(2) or "")
        for one in re.finditer(form, bare)
        if one.group(1) not in OF_THE_USER
    ]


def headings(page: Path) -> set[str]:
    """The headings of a page and the words in bold at the start of its points, in lower case."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r"^(?:#+|- \*\*|\d+\. \*\*) *(.+?)(?:\*\*.*)?$", text, re.MULTILINE)
    return {heading.strip().strip("*").lower() for heading in found}


def wrong(text: str) -> list[str]:
    """What is wrong with the references of a comment or docstring, in words."""
    found = []
    for name, section in referred(text):
        page = ROOT / name
        if not page.is_file():
            found.append(f"{name} is not in the tree")
        elif section and section.lower() not in headings(page):
            found.append(f'{name} has no section "{section}"')
    found += [f"{number!r} is in no reader's hands" for number in trackers(text)]
    return found


def trackers(text: str) -> list[str]:
    """Numbers of issues: what they said must stand in the text, or on a page."""
    return re.findall(r"\bissues? (?:no\. )?#?\d+|(?<![\w&/`\"'.])#\d{1,5}\b", text)
