"""Comparisons kept under home/comparisons/, to open again and to compare with."""

from __future__ import annotations

import contextlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from anyclaude_tui import private
from anyclaude_tui.compare.report.saved import Saved, from_json, to_json

KEPT = 100
"""The oldest go when there are more."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One comparison in the list."""

    path: Path
    started_wall: float
    targets: tuple[str, ...]
    headline: str


class _Target(msgspec.Struct):
    name: str


class _Comparison(msgspec.Struct):
    started_wall: float
    targets: list[_Target]


class _Verdict(msgspec.Struct):
    headline: str


class _Head(msgspec.Struct):
    """The part of a file that the list needs; the rest is skipped unread."""

    comparison: _Comparison
    verdict: _Verdict


def folder(home: Path) -> Path:
    """The folder of the comparisons."""
    return home / "comparisons"


def keep(home: Path, saved: Saved) -> Path:
    """Write it and prune the oldest. Returns the path. Raises OSError."""
    place = folder(home)
    private.folder(place)
    when = time.strftime("%Y%m%d-%H%M%S", time.localtime(saved.comparison.started_wall))
    names = "-vs-".join(target.name for target in saved.comparison.targets)
    names = re.sub(r"[^\w.-]+", "-", names).strip("-.")[:80]
    path = place / f"{when}-{names}.json"
    number = 1
    while path.exists():
        number += 1
        path = place / f"{when}-{names}-{number}.json"
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(to_json(saved))
    for old in sorted(place.glob("*.json"))[:-KEPT]:
        with contextlib.suppress(OSError):
            old.unlink()
    return path


def entries(home: Path) -> list[Entry]:
    """The comparisons, newest first; files that cannot be read are left out."""
    found: list[Entry] = []
    for path in folder(home).glob("*.json"):
        try:
            head = msgspec.json.decode(path.read_bytes(), type=_Head)
        except (OSError, ValueError):
            continue
        names = tuple(target.name for target in head.comparison.targets)
        found.append(Entry(path, head.comparison.started_wall, names, head.verdict.headline))
    return sorted(found, key=lambda entry: (-entry.started_wall, entry.path.name))


def load(path: Path) -> Saved:
    """Open one. Raises OSError or ValueError."""
    return from_json(path.read_bytes())
