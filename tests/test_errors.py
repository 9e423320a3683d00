"""Every exception of ours is on the page that says who raises it and who sees it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import anyclaude_tui

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"


def exceptions() -> dict[str, type[BaseException]]:
    """The exception classes of the package by name, those within classes and private ones too."""
    for module in pkgutil.walk_packages(anyclaude_tui.__path__, f"{anyclaude_tui.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: dict[str, type[BaseException]] = {}
    waiting: list[type[BaseException]] = [BaseException]
    while waiting:
        for child in waiting.pop().__subclasses__():
            waiting.append(child)
            if child.__module__.partition(".")[0] == anyclaude_tui.__name__:
                assert found.get(child.__name__, child) is child, f"two are called {child.__name__}"
                found[child.__name__] = child
    return found


OURS = exceptions()
SOURCES = {
    path: path.read_text(encoding="utf-8")
    for path in Path(anyclaude_tui.__file__).parent.rglob("*.py")
}


def rows() -> dict[str, str]:
    """The rows of the table: an exception's name, and all that is said of it."""
    section = PAGE.read_text(encoding="utf-8").partition("\n## Errors\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `(\w+)`(.+)$", section, re.MULTILINE))


@pytest.mark.parametrize("name", OURS)
def test_the_page_says_what_it_is_derived_from(name: str) -> None:
    base = OURS[name].__bases__[0].__name__
    said = re.match(r", an? `(\w+)` ", rows()[name])
    assert (said.group(1) if said else "Exception") == base


@pytest.mark.parametrize("name", OURS)
def test_the_page_names_where_it_is_raised(name: str) -> None:
    """The folders or files in its second column are there; all that raise it are among them."""
    raisers = rows()[name].split("|")[1]
    root = Path(anyclaude_tui.__file__).parent
    named = [root / one for one in re.findall(r"`([\w/.]+)`", raisers)]
    assert all(path.exists() for path in named)
    raising = re.compile(rf"\braise \(?{name}\b")
    files = [f for f, text in SOURCES.items() if raising.search(text)]
    assert all(any(f.is_relative_to(path) for path in named) for f in files), files
    assert files


@pytest.mark.parametrize("name", OURS)
def test_its_docstring_says_what_it_means(name: str) -> None:
    assert (OURS[name].__doc__ or "").strip()
