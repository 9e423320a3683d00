"""Who may import whom (docs/architecture.md): read from the sources, and tried in a process.

The core must work, and start, without a screen: `serve`, `run` and `compare` have none.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import anyclaude_tui

ROOT = Path(anyclaude_tui.__file__).parent
NAME = anyclaude_tui.__name__

MAY_IMPORT: dict[str, set[str]] = {
    "figures": set(),
    "redaction": set(),
    "signals": set(),
    "config": {"redaction"},
    "prefix": {"figures"},
    "backends": {"config", "redaction"},
    "terminal": {"config", "signals"},
    "claude_code": {"config", "signals"},
    "telemetry": {"backends", "config", "figures", "prefix", "redaction"},
    "proxy.errors": set(),
    "proxy.wire": set(),
    "proxy.toolcalls": {"proxy.wire"},
    "proxy.request": {"backends", "figures", "prefix", "proxy.errors", "proxy.wire"},
    "proxy.reply": {"proxy.errors", "proxy.toolcalls", "proxy.wire", "redaction", "telemetry"},
    "proxy": {"backends", "config", "figures", "redaction", "telemetry"},
    "session": {"backends", "claude_code", "config", "prefix", "proxy", "redaction", "telemetry"},
    "compare": {"backends", "config", "figures", "prefix", "proxy", "session", "telemetry"},
    "doctor": {
        *("backends", "claude_code", "compare", "config", "figures", "redaction", "terminal"),
    },
    "widgets": {"backends", "figures", "telemetry", "terminal"},
}
"""Besides themselves and what is inside of them. A folder with folders in it has a line for
each of these and for what they share; they stand below it. Screens may import all of these, and
the modules at the top but these:"""
PACKAGES_WITHIN = ("backends", "config")
"""Their folders and loose modules stand above each other too: no two of them need each other."""
ABOVE_SCREENS = {"__main__", "app", "cli", "doctor"}
WITH_TEXTUAL = {"app", "screens", "widgets"}


@dataclass(frozen=True)
class Import:
    """`module` imports `target`, both without the package's name; `now`: when it is imported."""

    module: str
    target: str
    now: bool

    def __str__(self) -> str:
        return f"{self.module} imports {self.target}"


def modules() -> dict[str, Path]:
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imports(module: str, node: ast.AST, now: bool = True) -> Iterator[Import]:
    """What a module imports, but for what only the type checker sees."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        if isinstance(child, ast.Import):
            names = [name.name for name in child.names]
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module}: relative imports are not used here"
            whole = [f"{child.module}.{name.name}" for name in child.names]
            names = [
                name if name.removeprefix(f"{NAME}.") in MODULES else str(child.module)
                for name in whole
            ]
        else:
            function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef)
            yield from imports(module, child, now and not function)
            continue
        for name in names:
            yield Import(module, name.removeprefix(f"{NAME}."), now)


ALL = [
    found
    for module, path in MODULES.items()
    for found in imports(module, ast.parse(path.read_text(encoding="utf-8")))
]
OURS = [one for one in ALL if one.target in MODULES and one.target]


def room(module: str) -> str:
    """The folder of a module, or its name where it is at the top."""
    return module.partition(".")[0]


def line_of(module: str) -> str:
    """The line of `MAY_IMPORT` that a module is under: the innermost that there is."""
    while module not in MAY_IMPORT and "." in module:
        module = module.rpartition(".")[0]
    return module


def within(line: str, allowed: set[str]) -> bool:
    """Whether a line is one of these, or inside one of them."""
    return any(line == one or line.startswith(f"{one}.") for one in allowed)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_is_below_it(folder: str) -> None:
    allowed = MAY_IMPORT[folder] | {folder}
    assert [module for module in MODULES if line_of(module) == folder] != []
    ours = [one for one in OURS if line_of(one.module) == folder]
    wrong = [one for one in ours if not within(line_of(one.target), allowed)]
    assert list(map(str, wrong)) == []


def test_no_two_lines_need_each_other() -> None:
    """Not even by a way around: what a line allows is below it, its own inner lines too."""
    below = {
        line: {other for other in MAY_IMPORT if other != line and within(other, allowed | {line})}
        for line, allowed in MAY_IMPORT.items()
    }
    while free := {line for line, others in below.items() if not others}:
        below = {line: below[line] - free for line in below.keys() - free}
    assert below == {}


def test_screens_do_not_know_the_app_and_the_commands() -> None:
    wrong = [one for one in OURS if room(one.module) == "screens"]
    assert [str(one) for one in wrong if room(one.target) in ABOVE_SCREENS] == []


def test_textual_is_for_what_is_shown() -> None:
    users = {one.module for one in ALL if one.target.partition(".")[0] == "textual"}
    assert {module for module in users if room(module) not in WITH_TEXTUAL} == set()


def test_no_module_needs_itself_to_be_imported() -> None:
    needs: dict[str, set[str]] = {module: set() for module in MODULES}
    for one in OURS:
        if one.now:
            needs[one.module].add(one.target)
    while free := {module for module, targets in needs.items() if not targets}:
        needs = {module: needs[module] - free for module in needs.keys() - free}
    assert needs == {}


@pytest.mark.parametrize("folder", PACKAGES_WITHIN)
def test_no_two_parts_of_a_package_need_each_other(folder: str) -> None:
    def part(module: str) -> str:
        return ".".join(module.split(".")[:2])

    needs: dict[str, set[str]] = {part(m): set() for m in MODULES if room(m) == folder}
    for one in OURS:
        if room(one.module) == room(one.target) == folder and part(one.module) != part(one.target):
            needs[part(one.module)].add(part(one.target))
    while free := {module for module, targets in needs.items() if not targets}:
        needs = {module: needs[module] - free for module in needs.keys() - free}
    assert needs == {}


def test_the_core_runs_without_textual() -> None:
    """What is drawn on is imported by none of them, whatever they import in turn."""
    core = [
        f"{NAME}.{module}"
        for module in MODULES
        if module and room(module) not in WITH_TEXTUAL | {"__main__"}
    ]
    script = f"import importlib, sys\nfor name in {core!r}:\n    importlib.import_module(name)\n"
    script += "print(sorted(name for name in sys.modules if name.partition('.')[0] == 'textual'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
