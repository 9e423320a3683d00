"""Private names of other people's code: which of them are touched, where, and that they are
still there. What is pinned (Textual, bittty) may move them with any release."""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import anyclaude_tui

ROOT = Path(anyclaude_tui.__file__).parent

TOUCHED: dict[str, set[str]] = {
    "widgets/textual_internals.py": {
        "textual._ansi_sequences",
        "_batch_count",
        "_character_to_key",
        "_compositor",
        "_compositor_refresh",
        "_driver",
        "_filters",
        "_get_environ_int",
        "_layout_required",
        "_repaint_required",
        "_watch_theme",
        "textual.widgets._toast",
        "_writer_thread",
    },
    "widgets/outer/writer.py": {"_queue", "_file", "textual.drivers._writer_thread"},
    "widgets/outer/driver.py": {
        "_must_signal_resume",
        "_queue",
        "_sigcont_application",
        "_timeout_time",
        "_writer_thread",
        "textual._parser",
        "textual._time",
        "textual._xterm_parser",
    },
    "widgets/outer/input_parser.py": {
        "_character_to_key",
        "_sequence_to_key_events",
        "textual._ansi_sequences",
        "textual._parser",
        "textual._xterm_parser",
    },
    "proxy/downstream.py": {"_kwargs", "_make_server"},
    "app.py": {"_driver", "_exit_renderables", "_handle_exception"},
    "widgets/terminal/strip_internals.py": {"_ansi", "_color_system", "_link_id", "_render_cache"},
    "terminal/bittty_internals.py": {"_decoder", "_empty_cell", "_touch_page"},
    "terminal/core_cursor.py": {"_modes", "_pending_wrap_is_valid", "_wrap_pending"},
    "terminal/core_editing.py": {"_selective_clear", "_shift_line_segment"},
    "terminal/core_overrides.py": {"_modes"},
    "terminal/core_replies.py": {
        "_defaults",
        "_modes",
        "_respond",
        "_status_string",
        "_termcaps",
    },
    "backends/mlx_server/launcher.py": {
        "_find_uids",
        "_generate",
        "_lru",
        "_next_request",
        "_prompt_batch",
        "_tokenize",
        "_trie",
        "_waiting",
    },
    "cli/parsers.py": {"_SubParsersAction", "_actions", "_choices_actions"},
}
"""Every one that is touched, by the modules that may."""


def private(name: object) -> bool:
    return isinstance(name, str) and name.startswith("_") and not name.startswith("__")


def names_of_ours(trees: list[ast.Module]) -> set[str]:
    """The private names that our own classes and modules give to what they have."""
    found: set[str] = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store(), value=ast.Name(id="self")):
                found.add(name)
            case ast.ClassDef(body=body):
                for line in body:
                    if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                        found.add(line.target.id)
                    elif isinstance(line, ast.Assign):
                        found |= {one.id for one in line.targets if isinstance(one, ast.Name)}
    return found


def touched(tree: ast.Module, own: set[str]) -> Iterator[str]:
    """The private names of others in a module: imported, read or set on what is not ours."""
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module=str(module), names=names) if module != "__future__":
                if any(map(private, module.split("."))):
                    yield module
                yield from (one.name for one in names if private(one.name))
            case ast.Attribute(attr=name, value=value) if private(name) and name != "_exit":
                ours = isinstance(value, ast.Name) and value.id in ("self", "cls")
                if not (ours and name in own):
                    yield name
            case ast.Call(func=ast.Name(id="getattr"), args=[_, ast.Constant(value=name), *_]):
                if private(name):
                    yield str(name)


def test_private_names_of_others_are_touched_in_few_places_each_named_here() -> None:
    trees = {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for path in ROOT.rglob("*.py")
    }
    ours = names_of_ours(list(trees.values()))
    # What a subclass sets on `self` there is a name of theirs all the same.
    found = {
        module: set(touched(tree, ours - TOUCHED.get(module, set())))
        for module, tree in trees.items()
    }
    assert {module: names for module, names in found.items() if names} == TOUCHED


def attributes(*classes: type[Any]) -> set[str]:
    """What instances have, by the sources of their classes."""
    names: set[str] = set()
    for one in (base for kind in classes for base in kind.__mro__ if base is not object):
        names |= set(vars(one))
        for node in ast.walk(ast.parse(inspect.cleandoc("\n" + inspect.getsource(one)))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
    return names


def test_textual_and_rich_still_have_them() -> None:
    from rich.console import Console
    from rich.style import Style
    from textual import _parser, _time, _xterm_parser, constants, keys
    from textual._ansi_sequences import ANSI_SEQUENCES_KEYS
    from textual.app import App
    from textual.drivers.linux_driver import LinuxDriver
    from textual.screen import Screen
    from textual.strip import Strip
    from textual.widget import Widget
    from textual.widgets._toast import ToastRack

    assert ANSI_SEQUENCES_KEYS
    assert issubclass(ToastRack, Widget)
    assert callable(keys._character_to_key)
    assert callable(constants._get_environ_int)
    assert {"_batch_count", "_driver", "_filters"} <= attributes(App)
    assert {"_exit_renderables", "_handle_exception", "_watch_theme"} <= attributes(App)
    assert callable(_time.get_time)
    assert "_timeout_time" in attributes(_parser.Parser)
    assert "_sequence_to_key_events" in attributes(_xterm_parser.XTermParser)
    assert {"_compositor", "_compositor_refresh", "_layout_required"} <= attributes(Screen)
    assert "_repaint_required" in attributes(Widget)
    assert "_writer_thread" in attributes(LinuxDriver)
    assert "_render_cache" in Strip.__slots__
    assert {"_ansi", "_link_id"} <= set(Style.__slots__)
    assert "_color_system" in attributes(Console)


def test_bittty_still_has_them() -> None:
    from bittty.devices.board import Board  # type: ignore[import-untyped]

    board = Board(width=4, height=2)
    page = board.blitter.current_page
    assert page._empty_cell[1] == " "
    assert callable(page._touch_page)
    assert board.printer._decoder.getstate()[0] == b""
    assert (True, 6) in board.modes._modes
    cursor = board.cursor
    assert (cursor._wrap_pending, cursor._pending_wrap_is_valid()) == (False, False)
    assert callable(board.blitter._selective_clear)
    assert callable(board.blitter._shift_line_segment)
    assert callable(board.query._status_string)
    assert callable(board.query._termcaps)
    assert callable(board.palette._respond)
    assert board.palette._defaults.foreground == board.palette.foreground


def test_argparse_still_has_them() -> None:
    parser = argparse.ArgumentParser()
    sub = parser.add_subparsers()
    sub.add_parser("one", help="the first")
    assert isinstance(sub, argparse._SubParsersAction)
    assert sub in parser._actions
    assert [choice.dest for choice in sub._choices_actions] == ["one"]


@pytest.mark.e2e
def test_mlx_lm_still_has_them() -> None:
    from anyclaude_tui.backends.mlx_server.launcher import problem

    server: Any = importlib.import_module("mlx_lm.server")
    assert problem(server, importlib.import_module("mlx_lm.models.cache")) == ""
    assert "_prompt_batch" in attributes(server.BatchGenerator)
