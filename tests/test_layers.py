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
    "afterwards": set(),
    "bounded": set(),
    "common_prefix": set(),
    "figures": set(),
    "printable": set(),
    "private": set(),
    "redaction": set(),
    "signals": set(),
    "tables": set(),
    "config": {"private", "redaction"},
    "prefix": {"common_prefix", "figures"},
    "backends.dialect": set(),
    "backends.slots": set(),
    "backends.base": {"backends.dialect", "backends.slots", "config"},
    "backends.address": set(),
    "backends.loading": set(),
    "backends.http_client": {"backends.address"},
    "backends.http": {
        "backends.base", "backends.http_client", "backends.loading", "printable", "redaction",
    },
    "backends.macos": set(),
    "backends.machine": {"backends.macos"},
    "backends.attached": {
        "backends.address", "backends.base", "backends.http", "backends.http_client",
        "backends.slots", "config",
    },
    "backends.templates": {
        "backends.base", "backends.dialect", "backends.http", "backends.http_client", "bounded",
        "common_prefix", "private",
    },
    "backends.lmstudio": {"backends", "config", "redaction"},
    "backends.models": {"backends.base", "backends.lmstudio", "backends.machine", "figures"},
    "backends.supervision": {
        "backends.base", "backends.http", "backends.http_client", "backends.machine",
        "backends.slots", "config", "figures", "printable", "private", "redaction",
    },
    "backends": {"config", "figures", "private"},
    "backends.simulator": {"backends", "common_prefix", "config"},
    "search": {"backends.address", "config", "redaction"},
    "terminal": set(),
    "claude_code": {"config", "private", "redaction", "signals"},
    "telemetry": {
        "afterwards", "backends", "config", "figures", "prefix", "printable", "private",
        "redaction",
    },
    "proxy.errors": {"redaction"},
    "proxy.wire": set(),
    "proxy.toolcalls": {"proxy.wire"},
    "proxy.request": {
        "backends", "bounded", "config", "figures", "prefix", "private", "proxy.errors",
        "proxy.wire",
    },
    "proxy.reply": {
        "proxy.errors", "proxy.toolcalls", "proxy.wire", "redaction", "search", "telemetry",
    },
    "proxy": {
        "backends", "bounded", "config", "figures", "printable", "redaction", "search", "telemetry",
    },
    "session": {
        "backends", "claude_code", "config", "figures", "prefix", "private", "proxy", "redaction",
        "search", "telemetry",
    },
    "compare.samples": {"figures", "telemetry"},
    "compare.workload": {"compare.samples", "prefix"},
    "compare.diagnosis": {"compare.samples", "figures", "telemetry"},
    "compare.measuring": {
        "backends", "compare.samples", "compare.workload", "config", "proxy", "session",
        "telemetry",
    },
    "compare.report": {"compare", "figures", "printable", "private", "telemetry"},
    "compare": {"config", "figures", "session", "telemetry"},
    "widgets": {"backends", "figures", "printable", "telemetry", "terminal"},
    "widgets.terminal": {"terminal", "widgets"},
    "screens.actions": {"backends"},
    "screens.app_commands": {"config", "screens.actions", "session"},
    "screens.common": {"printable", "private", "screens.actions", "session", "widgets"},
    "screens.backends": {
        "backends", "config", "figures", "screens.actions", "screens.common", "session",
        "telemetry", "widgets",
    },
    "screens.settings": {
        "config", "redaction", "screens.app_commands", "screens.common", "session", "widgets",
    },
    "screens.dashboard": {
        "backends", "claude_code", "config", "figures", "screens.actions",
        "screens.app_commands", "screens.common", "telemetry", "terminal", "widgets",
    },
    "screens.compare": {
        "backends", "compare", "config", "figures", "screens.actions", "screens.backends",
        "screens.common", "session", "telemetry", "terminal", "widgets",
    },
    "screens.requests": {
        "backends", "compare", "config", "figures", "prefix", "screens.app_commands",
        "screens.backends", "screens.common", "screens.compare", "session", "telemetry",
        "terminal", "widgets",
    },
    "screens": {
        "backends", "claude_code", "config", "session", "telemetry", "terminal", "widgets",
    },
    "doctor": {
        "backends", "claude_code", "compare", "config", "figures", "printable", "redaction",
        "telemetry", "terminal",
    },
    "app": {
        "config", "printable", "redaction", "screens", "session", "signals", "terminal", "widgets",
    },
    "cli": {
        "app", "backends", "claude_code", "compare", "config", "doctor", "figures", "printable",
        "private", "proxy", "redaction", "session", "signals", "tables", "telemetry", "terminal",
        "screens.settings",
    },
    "__main__": {"cli"},
}  # fmt: skip
"""From the bottom to the top, a line for each package and for each module that stands loose
below the packages beside it: what it may import. A name covers all that is beneath it, of
which only what stands on the lines above is there to be imported."""
MOST_MODULES = 20
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
    """What a module imports, for the type checker alone too."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            yield from imports(module, child, now=False)
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


def top(module: str) -> str:
    """The folder of a module at the top, or its own name there."""
    return module.partition(".")[0]


def beneath(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def unit(module: str) -> str:
    """The line of `MAY_IMPORT` that a module is on: the nearest of those that it is beneath."""
    return max((name for name in MAY_IMPORT if beneath(module, name)), key=len, default="")


def test_every_module_is_on_a_line() -> None:
    assert [module for module in MODULES if module and not unit(module)] == []
    assert set(MAY_IMPORT) == {unit(module) for module in MODULES if module}


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    wrong = [
        one
        for one in OURS
        if unit(one.module) == package and not any(beneath(one.target, name) for name in allowed)
    ]
    assert list(map(str, wrong)) == []


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    """So there is no circle of packages, not even a mutual tie."""
    order = list(MAY_IMPORT)
    here = order.index(package)
    wrong = [
        one for one in OURS if unit(one.module) == package and order.index(unit(one.target)) > here
    ]
    assert list(map(str, wrong)) == []


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_may_not_import_what_it_does_not(package: str) -> None:
    used = [one.target for one in OURS if unit(one.module) == package]
    unused = {
        name for name in MAY_IMPORT[package] if not any(beneath(target, name) for target in used)
    }
    assert unused == set()


def test_no_folder_has_too_many_modules() -> None:
    folders = [folder for folder in ROOT.rglob("*") if folder.is_dir()]
    counts = {folder: len({*folder.glob("*.py")} - {folder / "__init__.py"}) for folder in folders}
    assert {str(folder) for folder, count in counts.items() if count > MOST_MODULES} == set()


def test_only_the_comparison_runs_work_of_its_own_on_the_session() -> None:
    """Screens have the session's commands (`session/client.py`)."""
    users = {
        module
        for module, path in MODULES.items()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr == "call"
        if ast.unparse(node.value).endswith("client")
    }
    assert {top(module) for module in users} == {"compare"}


def test_textual_is_for_what_is_shown() -> None:
    users = {one.module for one in ALL if one.target.partition(".")[0] == "textual"}
    assert {module for module in users if top(module) not in WITH_TEXTUAL} == set()


def test_no_module_needs_itself_to_be_imported() -> None:
    needs: dict[str, set[str]] = {module: set() for module in MODULES}
    for one in OURS:
        if one.now:
            needs[one.module].add(one.target)
    while free := {module for module, targets in needs.items() if not targets}:
        needs = {module: needs[module] - free for module in needs.keys() - free}
    assert needs == {}


@pytest.mark.parametrize("folder", sorted({top(name) for name in MAY_IMPORT}))
def test_no_two_parts_of_a_package_need_each_other(folder: str) -> None:
    """A folder in it is one part, and each module beside the folders."""

    def part(module: str) -> str:
        return ".".join(module.split(".")[:2])

    needs: dict[str, set[str]] = {part(m): set() for m in MODULES if top(m) == folder}
    for one in OURS:
        if top(one.module) == top(one.target) == folder and part(one.module) != part(one.target):
            needs[part(one.module)].add(part(one.target))
    while free := {module for module, targets in needs.items() if not targets}:
        needs = {module: needs[module] - free for module in needs.keys() - free}
    assert needs == {}


def test_the_core_runs_without_textual() -> None:
    """What is drawn on is imported by none of them, whatever they import in turn."""
    core = [
        f"{NAME}.{module}"
        for module in MODULES
        if module and top(module) not in WITH_TEXTUAL | {"__main__"}
    ]
    script = f"import importlib, sys\nfor name in {core!r}:\n    importlib.import_module(name)\n"
    script += "print(sorted(name for name in sys.modules if name.partition('.')[0] == 'textual'))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


NOT_FOR_SERVE = {
    "click", "httpx", "jsonschema", "prometheus_client", "psutil", "pygments", "pypdf",
    "referencing", "rich",
    "textual", "tomlkit",
}  # fmt: skip


def test_serve_imports_only_what_it_uses() -> None:
    """`serve` on a server that runs already, up to its first request."""
    script = f"import sys, {NAME}.cli.main, {NAME}.cli.serve, {NAME}.backends.openai\n"
    script += f"print(sorted({NOT_FOR_SERVE!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
