"""mlx_lm's own readers of GLM's and MiniMax's calls, with white space kept in the values."""

from __future__ import annotations

import importlib
import types
from collections.abc import Iterator
from typing import Any

import pytest

from anyclaude_tui.backends.mlx_server import tool_values

TEXT = {"type": "string"}
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "Edit",
            "parameters": {
                "properties": {"old": TEXT, "new": TEXT, "times": {"type": "integer"}},
            },
        },
    }
]
GLM = (
    "Edit\n<arg_key>old</arg_key><arg_value>{old}</arg_value>"
    "<arg_key>new</arg_key>\n<arg_value>{new}</arg_value>"
    "<arg_key>times</arg_key><arg_value>2</arg_value>"
)
MINIMAX = (
    '<invoke name="Edit">\n<parameter name="old">{old}</parameter>\n'
    '<parameter name="new">{new}</parameter>\n<parameter name="times">2</parameter>\n</invoke>'
)
FORMS = {"glm47": GLM, "minimax_m2": MINIMAX}
VALUES = (
    "    return 1",
    "a\n",
    "\ta\n\n",
    "  ",
    "null",
    "5",
    "[1]",
    "plain",
    "a </arg_value> b </parameter> c",
    "<arg_key>old</arg_key>",
)


@pytest.fixture(params=FORMS)
def reader(request: pytest.FixtureRequest) -> Iterator[types.ModuleType]:
    """mlx_lm's module with our reader in it, for the time of a test."""
    module = importlib.import_module(f"mlx_lm.tool_parsers.{request.param}")
    theirs = module.parse_tool_call
    assert tool_values.problem(module) == ""
    tool_values.install(module)
    yield module
    module.__dict__["parse_tool_call"] = theirs


def _read(reader: types.ModuleType, old: str, new: str, tools: Any = TOOLS) -> Any:
    form = FORMS[reader.__name__.rpartition(".")[2]]
    return reader.parse_tool_call(form.format(old=old, new=new), tools)


@pytest.mark.parametrize("value", VALUES)
def test_a_text_is_as_the_model_wrote_it(reader: types.ModuleType, value: str) -> None:
    arguments = {"old": value, "new": "x", "times": 2}
    assert _read(reader, value, "x") == {"name": "Edit", "arguments": arguments}
    arguments = {"old": "x", "new": value, "times": 2}
    assert _read(reader, "x", value) == {"name": "Edit", "arguments": arguments}


def test_line_ends_around_a_value_are_the_forms(reader: types.ModuleType) -> None:
    assert _read(reader, "\n  a\n", "b")["arguments"]["old"] == "  a"


def test_what_is_no_text_is_read_as_before(reader: types.ModuleType) -> None:
    assert _read(reader, "a", "b", None)["arguments"]["new"] == "b"
    assert _read(reader, "5", "b", None)["arguments"]["times"] in (2, "2")


def test_several_calls_in_one() -> None:
    module = importlib.import_module("mlx_lm.tool_parsers.minimax_m2")
    read = tool_values.reader(module.parse_tool_call, tool_values.calls_of(module))
    text = MINIMAX.format(old=" a", new="b ") + "\n" + MINIMAX.format(old="c", new=" d")
    found = read(text, TOOLS)
    assert [call["arguments"]["old"] for call in found] == [" a", "c"]
    assert [call["arguments"]["new"] for call in found] == ["b ", " d"]


def test_what_they_refuse_is_refused(reader: types.ModuleType) -> None:
    if reader.__name__.endswith("minimax_m2"):
        with pytest.raises(ValueError, match="No tool call found"):
            reader.parse_tool_call("no call", TOOLS)
    else:
        found = reader.parse_tool_call('Edit {"old": " a"}', TOOLS)
        assert found == {"name": "Edit", "arguments": {"old": " a"}}


def test_another_reader_is_left_alone() -> None:
    other = types.ModuleType("mlx_lm.tool_parsers.glm47")
    assert "is not the one" in tool_values.problem(other)
    other.parse_tool_call = lambda text: text  # type: ignore[attr-defined]
    assert "is not the one" in tool_values.problem(other)
