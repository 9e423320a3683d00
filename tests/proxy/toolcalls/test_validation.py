"""What a call is worth: checked, coerced, repaired, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.proxy.toolcalls.coercion import coerced
from anyclaude_tui.proxy.toolcalls.validation import MAX_REPAIR_CHARS, Toolbox, preload, read_object
from tests.proxy.streams import TOOLS

BOX = Toolbox(TOOLS)


def test_a_good_call_keeps_its_own_words() -> None:
    text = '{ "command" :"a\\u00e9" }'
    call = BOX.check("Bash", f"\n{text} ")
    assert call is not None
    assert (call.arguments, call.raw, call.value) == (text, text, {"command": "aé"})
    assert (call.known, call.valid, call.repaired) == (True, True, False)


def test_a_coerced_call_is_remembered_as_written() -> None:
    call = BOX.check("Bash", '{"command":"ls","timeout":"5"}')
    assert call is not None
    assert json.loads(call.arguments) == {"command": "ls", "timeout": 5}
    assert call.raw == '{"command":"ls","timeout":"5"}'


def test_a_repaired_call_is_remembered_as_repaired() -> None:
    call = BOX.check("Bash", '{"command":"ls"')
    assert call is not None
    assert call.repaired
    assert json.loads(call.raw) == {"command": "ls"}
    assert BOX.check("Bash", '{"command":"ls"', repair=False) is None


def test_no_repair_without_a_schema_that_agrees() -> None:
    assert BOX.check("Unknown", '{"command":"ls"') is None
    assert BOX.check("Bash", '{"cmd":"ls"') is None
    assert BOX.check("Bash", "{" + "x" * MAX_REPAIR_CHARS) is None


@pytest.mark.parametrize(
    "name",
    [
        *("Bash<|channel|>commentary", "Bash<|constrain|>json", "functions.Bash:0", "Bash:12"),
        *("functions.Bash", "default_api.Bash", '"Bash"', "Bash(", "Bash\n{", " Bash "),
    ],
)
def test_names_with_something_at_them(name: str) -> None:
    call = BOX.check(name, '{"command":"ls"}')
    assert call is not None
    assert call.name == "Bash"
    assert call.valid


def test_names_that_cannot_be_names() -> None:
    for name in ("", "a b", "x" * 200, "rm -rf", "{"):
        assert BOX.check(name, "{}") is None


def test_what_a_reply_cannot_hold_is_no_argument() -> None:
    call = BOX.check("Bash", '{"command":"\\ud800"}')
    assert call is not None
    assert call.value == {"command": "\ufffd"}
    call.arguments.encode()
    assert BOX.check("Bash", '{"command":"ls","timeout":NaN}') is None
    for text in ('{"a": NaN}', '{"a": Infinity}', '{"a": -Infinity}'):
        assert read_object(text) is None


def test_deep_nesting_is_no_fault() -> None:
    for deep in ('{"a":' * 100_000, "[" * 100_000, '{"a":' + "[" * 5000 + "]" * 5000 + "}"):
        BOX.check("Edit", deep)
    preload()


@pytest.mark.parametrize(
    ("schema", "value", "better"),
    [
        ({"type": "integer"}, "7", 7),
        ({"type": "integer"}, "-7", -7),
        ({"type": "integer"}, "7.5", "7.5"),
        ({"type": "integer"}, "seven", "seven"),
        ({"type": "integer"}, "", ""),
        ({"type": "number"}, "7.5", 7.5),
        ({"type": "number"}, "1e3", 1000.0),
        ({"type": "number"}, "nan", "nan"),
        ({"type": "boolean"}, "TRUE", True),
        ({"type": "boolean"}, "false ", False),
        ({"type": "boolean"}, "yes", "yes"),
        ({"type": "null"}, "null", None),
        ({"type": ["integer", "null"]}, "None", None),
        ({"type": ["string", "integer"]}, "7", "7"),
        ({"type": "string"}, 7, "7"),
        ({"type": "string"}, True, "true"),
        ({"type": "string"}, ["a"], ["a"]),
        ({"type": "array", "items": {"type": "integer"}}, '["1", 2]', [1, 2]),
        ({"type": "array"}, '{"a": 1}', '{"a": 1}'),
        ({"type": "object"}, '{"a": 1}', {"a": 1}),
        ({"type": "object"}, "{broken", "{broken"),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "3", 3),
        ({"anyOf": [{"type": "integer"}, {}]}, "3", "3"),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"type": "integer"}}}, "3", 3),
        ({"$ref": "#/$defs/n", "$defs": {"n": {"$ref": "#/$defs/n"}}}, "3", "3"),
        ({"$ref": "http://127.0.0.1/x"}, "3", "3"),
        ({"properties": {"a": {"type": "integer"}}}, {"a": None, "b": None}, {"b": None}),
        (
            {"properties": {"a": {"type": "integer"}}, "required": ["a"]},
            {"a": None},
            {"a": None},
        ),
        ({"properties": {"a": {"type": ["integer", "null"]}}}, {"a": None}, {"a": None}),
        ({"properties": {"a": {}}}, {"a": None}, {"a": None}),
        (True, "3", "3"),
        (None, "3", "3"),
        ({"type": 5, "items": 3, "properties": [], "required": 1}, {"a": ["1"]}, {"a": ["1"]}),
    ],
)
def test_coercion(schema: Any, value: Any, better: Any) -> None:
    assert coerced(schema, value) == better


SCHEMAS = st.recursive(
    st.sampled_from(
        [{}, {"type": "string"}, {"type": "integer"}, {"type": "boolean"}, True, {"type": "x"}]
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", ["string", "null"], 3]),
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
            "items": inner,
            "anyOf": st.lists(inner, max_size=2),
            "required": st.lists(st.sampled_from("abc"), max_size=2),
            "$ref": st.sampled_from(["#", "#/properties/a", "#/x", "other"]),
        },
    ),
    max_leaves=6,
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["", "1", "true", "[1]", '{"a":1}']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=6,
)


@given(schema=SCHEMAS, value=st.dictionaries(st.sampled_from("abc"), VALUES))
def test_any_schema_and_any_arguments(schema: Any, value: dict[str, Any]) -> None:
    text = json.dumps(value)
    call = Toolbox({"T": schema}).check("T", text)
    assert call is not None
    assert json.loads(call.raw) == value
    assert json.loads(call.arguments) == call.value


@given(st.text(st.sampled_from('{}[]",:\\ab1 \n'), max_size=40))
def test_any_text_as_arguments(text: str) -> None:
    call = BOX.check("Bash", text)
    if call is not None:
        assert json.loads(call.arguments) == call.value
        assert call.valid or read_object(text) is not None
