"""Tool calls through the translator: every way in which servers send them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from anyclaude_tui.proxy.toolcalls.assembler import MAX_CALL_CHARS, MAX_CALLS
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.proxy.streams import DONE, Run, call, chunk, run

LS = ("Bash", {"command": "ls"})
PWD = ("Bash", {"command": "pwd"})
LS_JSON = '{"command": "ls"}'
PWD_JSON = '{"command": "pwd"}'


def calls(*deltas: Any, finish: str = "tool_calls") -> Run:
    """A reply of these tool-call deltas (a list is one delta of several)."""
    chunks = [chunk(tool_calls=one if isinstance(one, list) else [one]) for one in deltas]
    return run(*chunks, chunk(finish), DONE)


def test_in_fragments() -> None:
    got = calls(call("Bash", "", id="a"), *(call(arguments=letter) for letter in LS_JSON))
    assert got.message.calls == [LS]
    assert got.message.stop_reason == "tool_use"
    assert got.message.blocks[0]["id"] == "toolu_0"
    assert got.memory.calls == {"toolu_0": ("Bash", LS_JSON)}
    facts = got.translator.facts
    assert (facts.tool_calls, facts.repaired_calls) == (1, 0)


PARALLEL: dict[str, list[Any]] = {
    "one after the other": [
        call("Bash", LS_JSON[:5], index=0, id="a"),
        call(arguments=LS_JSON[5:], index=0),
        call("Bash", PWD_JSON, index=1, id="b"),
    ],
    "interleaved": [
        call("Bash", LS_JSON[:5], index=0, id="a"),
        call("Bash", PWD_JSON[:7], index=1, id="b"),
        call(arguments=LS_JSON[5:], index=0),
        call(arguments=PWD_JSON[7:], index=1),
    ],
    "several in one delta": [
        [call("Bash", LS_JSON, index=0, id="a"), call("Bash", PWD_JSON, index=1, id="b")]
    ],
    "index always 0": [
        call("Bash", LS_JSON, index=0, id="a"),
        call("Bash", PWD_JSON, index=0, id="b"),
    ],
    "index always 0, no ids": [call("Bash", LS_JSON), call("Bash", PWD_JSON)],
    "index always 0, ids repeated": [
        call("Bash", LS_JSON, id="a"),
        call("Bash", PWD_JSON, id="a"),
    ],
    "no index, ids": [
        call("Bash", LS_JSON[:5], index=None, id="a"),
        call(arguments=LS_JSON[5:], index=None, id="a"),
        call("Bash", PWD_JSON, index=None, id="b"),
    ],
    "no index, id only at first": [
        call("Bash", LS_JSON[:5], index=None, id="a"),
        call(arguments=LS_JSON[5:], index=None),
        call("Bash", PWD_JSON[:5], index=None, id="b"),
        call(arguments=PWD_JSON[5:], index=None),
    ],
    "neither index nor id": [
        call("Bash", LS_JSON, index=None),
        call("Bash", PWD_JSON, index=None),
    ],
    "in fragments with neither": [
        call("Bash", LS_JSON[:5], index=None),
        call(arguments=LS_JSON[5:], index=None),
        call("Bash", PWD_JSON[:5], index=None),
        call(arguments=PWD_JSON[5:], index=None),
    ],
    "name repeated": [
        call("Bash", LS_JSON[:5], index=0, id="a"),
        call("Bash", LS_JSON[5:], index=0, id="a"),
        call("Bash", PWD_JSON[:5], index=1, id="b"),
        call("Bash", PWD_JSON[5:], index=1, id="b"),
    ],
    "name empty at first": [
        call("", "", index=0, id="a"),
        call("Bash", LS_JSON[:5], index=0),
        call("", LS_JSON[5:], index=0),
        call("", None, index=1, id="b"),
        call("Bash", PWD_JSON, index=1),
    ],
    "name longer each time": [
        call("Ba", "", index=0, id="a"),
        call("Bash", LS_JSON, index=0),
        call("Bash", PWD_JSON, index=1),
    ],
    "indexes from 1": [call("Bash", LS_JSON, index=1), call("Bash", PWD_JSON, index=2)],
    "arguments as an object": [
        call("Bash", {"command": "ls"}, index=0),
        call("Bash", {"command": "pwd"}, index=1),
    ],
    "index and id as text and number": [
        {"index": "0", "id": 1, "function": {"name": "Bash", "arguments": LS_JSON}},
        {"index": "1", "id": 2, "function": {"name": "Bash", "arguments": PWD_JSON}},
    ],
    "white space after the first": [
        call("Bash", LS_JSON, index=0),
        call(arguments="\n", index=0),
        call("Bash", PWD_JSON, index=1),
        call("", "", index=0),
    ],
    "index only later": [
        call("Bash", LS_JSON[:5], index=None, id="a"),
        call(arguments=LS_JSON[5:], index=0, id="a"),
        call("Bash", PWD_JSON, index=1, id="b"),
    ],
}


@pytest.mark.parametrize("form", PARALLEL)
@pytest.mark.parametrize("finish", ["tool_calls", "stop", "function_call"])
def test_two_calls(form: str, finish: str) -> None:
    got = calls(*PARALLEL[form], finish=finish)
    assert got.message.calls == [LS, PWD]
    assert got.message.stop_reason == "tool_use"
    assert got.ending.outcome is Outcome.COMPLETE
    assert len(set(got.memory.calls)) == 2


def test_content_and_calls_in_one_delta_and_the_last_fragment_with_the_finish() -> None:
    got = run(
        chunk(content="Now", tool_calls=[call("Bash", LS_JSON[:6], id="a")]),
        chunk(content=" then."),
        chunk("tool_calls", tool_calls=[call(arguments=LS_JSON[6:])]),
    )
    assert got.message.blocks[0] == {"type": "text", "text": "Now then."}
    assert got.message.calls == [LS]


def test_the_old_function_call() -> None:
    got = run(
        chunk(function_call={"name": "Bash", "arguments": ""}),
        chunk(function_call={"arguments": LS_JSON}),
        chunk("function_call"),
    )
    assert got.message.calls == [LS]


def test_a_call_goes_out_when_the_next_one_begins() -> None:
    first = chunk(tool_calls=[call("Bash", LS_JSON, index=0)])
    got = run(
        first, chunk(content="And:"), chunk(tool_calls=[call("Ping", "{}", index=1)]), chunk("stop")
    )
    assert got.message.kinds == ["tool_use", "text", "tool_use"]


@pytest.mark.parametrize("text", ["", "null", "{}", " {} ", '""', '"{}"'])
def test_no_arguments(text: str) -> None:
    got = calls(call("Ping", text))
    assert got.message.calls == [("Ping", {})]
    assert json.loads(got.memory.calls["toolu_0"][1]) == {}


def test_no_arguments_field_at_all() -> None:
    assert calls(call("Ping")).message.calls == [("Ping", {})]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("Bash", '{"command":"ls","timeout":"5000"}', {"command": "ls", "timeout": 5000}),
        ("Bash", '{"command":"ls","timeout":" 1.5 "}', {"command": "ls", "timeout": 1.5}),
        ("Bash", '{"command":5}', {"command": "5"}),
        (
            "Bash",
            '{"command":"ls","run_in_background":"True"}',
            {"command": "ls", "run_in_background": True},
        ),
        ("Bash", '{"command":"ls","timeout":null}', {"command": "ls"}),
        ("Bash", '"{\\"command\\": \\"ls\\"}"', {"command": "ls"}),
        ("Bash", '{}{"command": "ls"}', {"command": "ls"}),
        (
            "Edit",
            '{"file_path":"a","edits":"[{\\"old\\": \\"x\\", \\"count\\": \\"2\\"}]"}',
            {"file_path": "a", "edits": [{"old": "x", "count": 2}]},
        ),
        (
            "Edit",
            '{"file_path":"a","options":"{\\"all\\": \\"false\\"}"}',
            {"file_path": "a", "options": {"all": False}},
        ),
    ],
)
def test_slips_of_type_are_put_right(name: str, text: str, value: Any) -> None:
    got = calls(call(name, text))
    assert got.message.calls == [(name, value)]
    assert got.translator.facts.repaired_calls == 0
    # The history gets the model's own words, which are JSON.
    assert isinstance(json.loads(got.memory.calls["toolu_0"][1]), dict)


@pytest.mark.parametrize(
    "text",
    [
        '{"command": "ls"',
        '{"command": "ls",}',
        "{'command': 'ls'}",
        '{command: "ls"}',
        '```json\n{"command": "ls"}\n```',
        '{"command": "ls"}}',
    ],
)
def test_broken_json_is_repaired_and_counted(text: str) -> None:
    got = calls(call("Bash", text))
    assert got.message.calls == [LS]
    assert got.translator.facts.repaired_calls == 1
    assert json.loads(got.memory.calls["toolu_0"][1]) == LS[1]


def test_line_ends_in_strings_are_kept_by_the_repair() -> None:
    got = calls(call("Bash", '{"command": "a\n\tb"}'))
    assert got.message.calls == [("Bash", {"command": "a\n\tb"})]
    assert got.translator.facts.repaired_calls == 1


@pytest.mark.parametrize("text", ["no json", '{"cmd: ls', "[1]", "7", '{"command"', "{"])
def test_what_cannot_be_saved_is_shown_as_text(text: str) -> None:
    got = calls(call("Bash", text))
    assert got.message.kinds == ["text"]
    assert text in got.message.text
    assert "Bash" in got.message.text
    assert got.translator.facts.dropped_calls == 1
    # The model goes on by itself, and calls again.
    assert (got.ending.outcome, got.ending.truncation) == (Outcome.LIMIT, Truncation.MALFORMED)
    assert got.message.stop_reason == "max_tokens"
    assert got.memory.calls == {}


def test_a_good_call_beside_a_lost_one() -> None:
    got = calls(call("Bash", "nope", index=0), call("Bash", LS_JSON, index=1))
    assert got.message.calls == [LS]
    assert "nope" in got.message.text
    assert got.message.stop_reason == "tool_use"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Bash", '{"cmd": "ls"}'),
        ("Bash", '{"command": ["ls"]}'),
    ],
)
def test_invalid_calls_in_good_json_are_passed_on(name: str, text: str) -> None:
    got = calls(call(name, text))
    assert got.message.calls == [(name, json.loads(text))]
    assert got.translator.facts.dropped_calls == 0


@pytest.mark.parametrize("name", ["Unknown", "mcp__x__y"])
def test_a_tool_that_was_not_offered_is_not_called(name: str) -> None:
    got = calls(call(name, LS_JSON))
    assert got.message.calls == []
    assert name in got.message.text
    assert got.message.stop_reason == "max_tokens"  # the model goes on, and sees why
    assert got.translator.facts.dropped_calls == 1


def test_where_no_tool_may_be_called_the_text_is_the_answer() -> None:
    parts = (chunk(content="So."), chunk(tool_calls=[call("Bash", LS_JSON)]), chunk("tool_calls"))
    got = run(*parts, tools={})
    assert (got.message.text, got.message.calls) == ("So.", [])
    assert got.message.stop_reason == "end_turn"
    assert got.translator.facts.dropped_calls == 1
    assert run(*parts[1:], tools={}).ending.retry


CUTS = ['{"command": "rm -rf build/tm', '{"command": "ls", "timeout": 1', '{"command": "ls", "ti']
CUTS += ['{"command": "ls", "timeout":', '{"command": "ls",', '{"command": "ls\\', '{"comm']


@pytest.mark.parametrize("text", CUTS)
@pytest.mark.parametrize("finish", ["tool_calls", "stop", "length", "function_call"])
def test_a_cut_call_is_never_given(text: str, finish: str) -> None:
    got = calls(call("Bash", text), finish=finish)
    assert got.message.calls == []
    assert got.translator.facts.dropped_calls == 1
    assert got.message.stop_reason == "max_tokens"
    got = calls(call("Edit", '{"file_path": "a", "edits": [{"old": "b"}'), finish=finish)
    assert got.message.calls == []


WHOLE = '{"file_path": "/a", "options": {"all": true}}'
GROWN = [WHOLE[:6], WHOLE[:20], WHOLE]
SAID = {
    "each time all so far": [[call("Edit", "", id="a")], *([call(arguments=t)] for t in GROWN)],
    "with name and id each time": [[call("Edit", text, id="a")] for text in GROWN],
    "the whole again at the end": [
        [call("Edit", WHOLE[:9], id="a")],
        [call(arguments=WHOLE[9:])],
        [call("Edit", WHOLE, id="a")],
    ],
    "again in pieces": [
        [call("Edit", WHOLE[:9], id="a")],
        [call(arguments=WHOLE[9:])],
        [call(arguments=WHOLE[:9])],
        [call(arguments=WHOLE[9:])],
    ],
    "again, written otherwise": [
        [call("Edit", WHOLE.replace(" ", ""), id="a")],
        [call("Edit", WHOLE, id="a")],
    ],
    "whole so far each time": [
        [call("Edit", '{"file_path": "/"}', id="a")],
        [call(arguments='{"file_path": "/a"}')],
        [call(arguments=WHOLE)],
    ],
    "an empty object, then an open brace": [
        [call("Edit", "{}", id="a")],
        [call(arguments="{")],
        [call(arguments=WHOLE)],
    ],
}


@pytest.mark.parametrize("form", SAID)
@pytest.mark.parametrize("text", ["", "And."])
def test_what_is_said_again_is_one_call(form: str, text: str) -> None:
    *first, last = SAID[form]
    chunks = [chunk(tool_calls=one) for one in first]
    if text and form == "the whole again at the end":
        chunks.append(chunk(content=text))
    got = run(*chunks, chunk(tool_calls=last), chunk("tool_calls"))
    assert got.message.calls == [("Edit", json.loads(WHOLE))]
    assert got.translator.facts.dropped_calls == 0


@pytest.mark.parametrize("again", [LS_JSON + PWD_JSON, LS_JSON + "\n" + PWD_JSON, LS_JSON])
def test_two_objects_in_one_piece_are_two_calls(again: str) -> None:
    got = calls(call("Bash", again))
    assert got.message.calls == ([LS] if again == LS_JSON else [LS, PWD])
    got = calls(call("Bash", LS_JSON + PWD_JSON[:-4]))
    assert got.message.calls == [LS]
    assert got.translator.facts.dropped_calls == 1


def test_a_repair_trims_nothing() -> None:
    got = calls(call("Bash", '{"command": "a \n\tb\n  ",}'))
    assert got.message.calls == [("Bash", {"command": "a \n\tb\n  "})]


def test_a_call_without_a_name_is_no_call() -> None:
    got = calls(call("", LS_JSON))
    assert got.message.calls == []
    assert "ls" in got.message.text


def test_harmony_names() -> None:
    assert calls(call("functions.Bash", LS_JSON)).message.calls == [LS]


def test_half_surrogates_in_arguments() -> None:
    raw = b'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{%b}}]}}]}\n\n'
    got = run(
        raw % b'"name":"Bash","arguments":"{\\"command\\":\\"\\ud83e"',
        raw % b'"arguments":"\\udd99 \\\\ud83e\\"}"',
        chunk("tool_calls"),
    )
    assert got.message.calls == [("Bash", {"command": "🦙 \ufffd"})]


def test_a_call_past_all_bounds_is_malformed() -> None:
    big = call("Bash", '{"command": "' + "x" * MAX_CALL_CHARS)
    got = run(chunk(content="Hi"), chunk(tool_calls=[big]))
    assert got.message.kinds == ["text"]
    assert got.ending.truncation is Truncation.MALFORMED
    many = [call("Ping", "{}", index=at) for at in range(MAX_CALLS + 1)]
    got = run(chunk(content="Hi"), chunk(tool_calls=many), chunk("tool_calls"))
    assert got.ending.truncation is Truncation.MALFORMED


def test_broken_schemas_refuse_nothing() -> None:
    for schema in ({"type": 5}, {"$ref": "http://127.0.0.1:1/x"}, {"pattern": "("}, {}):
        got = run(
            chunk(tool_calls=[call("T", '{"a": "1"}')]), chunk("tool_calls"), tools={"T": schema}
        )
        assert got.message.calls == [("T", {"a": "1"})]


def test_in_call_says_that_a_call_is_being_received() -> None:
    got = run(chunk(content="Hi"), chunk(tool_calls=[call("Bash", '{"co')]))
    assert not got.translator.facts.in_call  # closed by now
    assert got.ending.truncation is Truncation.CUT
