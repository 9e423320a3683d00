"""Calls that come as text: rescued when they are calls, untouched when they are not."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.proxy.toolcalls import from_text
from anyclaude_tui.proxy.wire.sse import SSEReader
from anyclaude_tui.telemetry.events import Outcome, Truncation
from tests.proxy.streams import Run, call, chunk, new, run

LS = ("Bash", {"command": "ls -l"})
TRICKY = 'echo "</tool_call>" \\ </function> \n```\n<|call|>'
BODY = '{"name": "Bash", "arguments": {"command": "ls -l"}}'


def say(text: str, size: int | None = None, finish: str | None = "stop", front: str = "") -> Run:
    """A reply of this text, `size` characters per chunk."""
    size = size or max(len(text), 1)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    chunks = [chunk(content=piece) for piece in ([front] if front else []) + pieces]
    return run(*chunks, *([chunk(finish)] if finish else []))


FORMS = {
    "hermes": f"<tool_call>\n{BODY}\n</tool_call>",
    "hermes without the closer": f"<tool_call>{BODY}",
    "hermes, arguments first": (
        '<tool_call>{"arguments": {"command": "ls -l"}, "name": "Bash"}</tool_call>'
    ),
    "hermes, arguments as text": (
        '<tool_call>{"name": "Bash", "arguments": "{\\"command\\": \\"ls -l\\"}"}</tool_call>'
    ),
    "hermes, parameters": (
        '<tool_call>{"name":"Bash","parameters":{"command":"ls -l"}}</tool_call>'
    ),
    "qwen3-coder": (
        "<tool_call>\n<function=Bash>\n<parameter=command>\nls -l\n</parameter>\n"
        "</function>\n</tool_call>"
    ),
    "qwen3-coder without tool_call": (
        "<function=Bash>\n<parameter=command>\nls -l\n</parameter>\n</function>"
    ),
    "qwen3-coder without the first tag": (
        "<function=Bash>\n<parameter=command>\nls -l\n</parameter>\n</function>\n</tool_call>"
    ),
    "qwen3-coder without closers": "<function=Bash>\n<parameter=command>\nls -l\n",
    "llama function": '<function=Bash>{"command": "ls -l"}</function>',
    "glm": (
        "<tool_call>Bash\n<arg_key>command</arg_key>\n<arg_value>ls -l</arg_value>\n</tool_call>"
    ),
    "lm studio": f"[TOOL_REQUEST]{BODY}[END_TOOL_REQUEST]",
    "mistral list": f"[TOOL_CALLS][{BODY}]",
    "mistral list with spaces": f"[TOOL_CALLS] [ {BODY} ]",
    "mistral args": '[TOOL_CALLS]Bash[ARGS]{"command": "ls -l"}',
    "mistral id": '[TOOL_CALLS]Bash[CALL_ID]a1b2c3d4e[ARGS]{"command": "ls -l"}',
    "llama python tag": '<|python_tag|>{"name": "Bash", "parameters": {"command": "ls -l"}}',
    "llama bare": '{"name": "Bash", "parameters": {"command": "ls -l"}}',
    "llama bare with type": (
        '{"name": "Bash", "type": "function", "parameters": {"command": "ls -l"}}'
    ),
    "fence": f"```json\n{BODY}\n```",
    "fence without a word": f"```\n{BODY}\n```\n",
    "fence of its own": f"```tool_call\n{BODY}\n```",
    "openai's form": (
        '<tool_call>{"type":"function","function":{"name":"Bash",'
        '"arguments":"{\\"command\\":\\"ls -l\\"}"}}</tool_call>'
    ),
    "harmony": (
        "<|channel|>commentary to=functions.Bash <|constrain|>json<|message|>"
        '{"command": "ls -l"}<|call|>'
    ),
    "harmony without the closer": (
        '<|channel|>commentary to=functions.Bash<|message|>{"command": "ls -l"}'
    ),
    "harmony, recipient first": (
        "<|start|>assistant to=functions.Bash<|channel|>commentary <|constrain|>json<|message|>"
        '{"command": "ls -l"}<|call|>'
    ),
}


@pytest.mark.parametrize("size", [1, 3, None])
@pytest.mark.parametrize("form", FORMS)
def test_forms(form: str, size: int | None) -> None:
    got = say(FORMS[form], size)
    assert got.message.blocks == [
        {"type": "tool_use", "id": "toolu_0", "name": "Bash", "input": LS[1]}
    ]
    assert got.message.stop_reason == "tool_use"
    assert got.ending.outcome is Outcome.COMPLETE
    facts = got.translator.facts
    assert (facts.rescued_calls, facts.tool_calls, facts.repaired_calls) == (1, 1, 0)
    assert json.loads(got.memory.calls["toolu_0"][1]) == LS[1]


@pytest.mark.parametrize("size", [1, 4, None])
@pytest.mark.parametrize("form", [name for name in FORMS if "bare" not in name])
def test_after_text(form: str, size: int | None) -> None:
    got = say("I look.\n\n" + FORMS[form], size)
    assert got.message.calls == [LS]
    assert got.message.text == "I look.\n\n"


@pytest.mark.parametrize("size", [1, None])
@pytest.mark.parametrize(
    "text",
    [
        FORMS["hermes"] + "\n" + FORMS["hermes"],
        FORMS["qwen3-coder"] + FORMS["qwen3-coder"],
        "<tool_call>" + FORMS["qwen3-coder without tool_call"] * 2 + "</tool_call>",
        FORMS["qwen3-coder without the first tag"] + "\n" + FORMS["qwen3-coder"],
        f"[TOOL_CALLS][{BODY}, {BODY}]",
        FORMS["mistral args"] * 2,
        f"<|python_tag|>{BODY}; {BODY}",
        f"<tool_call>\n{BODY}\n{BODY}\n</tool_call>",
        FORMS["fence"] + "\n\n" + FORMS["fence"],
        FORMS["fence"] + "\n" + FORMS["hermes"],
        f"{BODY}\n{BODY}",
        FORMS["harmony"] + "<|start|>assistant" + FORMS["harmony"],
        FORMS["glm"] + "\n" + FORMS["glm"],
    ],
)
def test_two_calls(text: str, size: int | None) -> None:
    got = say(text, size)
    assert got.message.calls == [LS, LS]
    assert got.message.kinds == ["tool_use", "tool_use"]
    assert got.translator.facts.rescued_calls == 2


@pytest.mark.parametrize("size", [1, None])
@pytest.mark.parametrize("closed", [True, False])
def test_what_looks_like_an_end_inside_a_string(closed: bool, size: int | None) -> None:
    body = json.dumps({"name": "Bash", "arguments": {"command": TRICKY}})
    got = say(f"<tool_call>{body}" + ("</tool_call>" if closed else ""), size)
    assert got.message.calls == [("Bash", {"command": TRICKY})]
    got = say(f"[TOOL_CALLS][{body}]", size)
    assert got.message.calls == [("Bash", {"command": TRICKY})]
    arguments = json.dumps({"command": TRICKY})
    got = say(f"I.<|channel|>commentary to=Bash<|message|>{arguments}<|call|>", size)
    assert got.message.calls == [("Bash", {"command": TRICKY})]


def test_values_of_qwen3_coder_are_what_the_schema_says() -> None:
    got = say(
        "<tool_call><function=Bash><parameter=command>\n  a\n\n  b\n</parameter>"
        "<parameter=timeout>5000</parameter><parameter=run_in_background>True</parameter>"
        "</function></tool_call>"
        "<tool_call><function=Edit><parameter=file_path>x</parameter>"
        '<parameter=edits>[{"old": "a", "count": "1"}]</parameter></function></tool_call>'
    )
    assert got.message.calls == [
        ("Bash", {"command": "  a\n\n  b", "timeout": 5000, "run_in_background": True}),
        ("Edit", {"file_path": "x", "edits": [{"old": "a", "count": 1}]}),
    ]


def test_broken_json_is_repaired_only_where_it_must_be_a_call() -> None:
    broken = '{"name": "Bash", "arguments": {"command": "ls -l"}'
    got = say(f"<tool_call>{broken}</tool_call>")
    assert got.message.calls == [LS]
    assert got.translator.facts.repaired_calls == 1
    got = say(f"```json\n{broken}\n```")
    assert got.message.text == f"```json\n{broken}\n```"
    assert say(broken).message.text == broken


def test_text_goes_on_after_a_call() -> None:
    got = say("One." + FORMS["hermes"] + "\nTwo.", 2)
    assert got.message.kinds == ["text", "tool_use", "text"]
    assert got.message.text == "One.\nTwo."


@pytest.mark.parametrize("fast", [True, False])
def test_a_closer_after_other_text_is_text_again(fast: bool) -> None:
    """Found by the fuzzer: the fast lane let text pass unseen, and the closer was dropped."""
    pieces = ("Say.", FORMS["hermes"], "One", "{", "</tool_call>", "!")
    got = run(*(chunk(content=piece) for piece in pieces), chunk("stop"), fast=fast)
    assert got.message.text == "Say.One{</tool_call>!"


TEXTS = [
    "a < b and b << c, a <- b, </b>, <tool, <tool_cal",
    'Use `<tool_call>` to call, and "<function=Bash>" too.',
    f"Like this: `<tool_call>{BODY}</tool_call>`",
    f"```xml\n<tool_call>{BODY}</tool_call>\n```\nDone.",
    f"```xml\n<tool_call>{BODY}</tool_call>\n```",
    "The tag <tool_call> starts a call and </tool_call> ends it.",
    "<function=> is no name, <function=Nope> is none, <function=Bas> neither.",
    "<tool_call>not json</tool_call> and on",
    '[TOOL_CALLS] is a marker, [TOOL], [TOOL_CALLS][{"name": "Nope"}]',
    "array[0] [link](x) [",
    '```json\n{"name": "left-pad", "version": "1"}\n```\n',
    '```json\n{"title": "x"}\n```',
    f"```json\n{BODY}\n```\nThat is how a call looks.",
    f"```python\n{BODY}\n```",
    "`` ` ``` ```` code ```json",
    "```",
    '{"title": "A title", "name": "Bash"}',
    '{"name": "Bash", "version": 3}',
    '{"name": "Bash", "arguments": {"cmd": 1}}',
    f"{BODY} is how a call looks.",
    "{",
    '{"na',
    "<|python_tag|>print(1)",
    "<|python_tag|>",
    "<|channel|>final<|mess",
    "a <|channel|>final<|message|>b",
    "<|im_end|> <|",
    '<tool_call><tool_call>{"',
    "<tool_call>Bash is a tool",
    "</tool_call></function>",
    "<tool_call>\n",
    "'<tool_call>'",
]


STRANGE = [
    '<tool_call>{"name": "Nope", "arguments": {}}</tool_call>',
    "<tool_call>\n<function=Nope>\n<parameter=a>\nb\n</parameter>\n</function>\n</tool_call>",
    "<tool_call>Nope<arg_key>a</arg_key><arg_value>b</arg_value></tool_call>",
    '<invoke name="Nope">\n<parameter name="a">b</parameter>\n</invoke>',
    '<|tool_call_begin|>functions.Nope:0<|tool_call_argument_begin|>{"a": 1}<|tool_call_end|>',
]


@pytest.mark.parametrize("size", [1, 5, None])
@pytest.mark.parametrize("text", STRANGE)
def test_a_call_of_no_tool_makes_the_model_go_on(text: str, size: int | None) -> None:
    got = say("I look. " + text, size)
    assert got.message.text == "I look. " + text  # the model sees what it wrote
    assert (got.message.calls, got.message.stop_reason) == ([], "max_tokens")
    assert got.translator.facts.dropped_calls == 1
    got = say(text + " is how one calls.", size)
    assert (got.message.text, got.message.stop_reason) == (text + " is how one calls.", "end_turn")


def test_invalid_arguments_are_given_as_those_of_other_calls_are() -> None:
    got = say('<tool_call>{"name": "Bash", "arguments": {"cmd": 1}}</tool_call>')
    assert got.message.calls == [("Bash", {"cmd": 1})]
    assert got.message.stop_reason == "tool_use"


@pytest.mark.parametrize("size", [1, 2, 5, None])
@pytest.mark.parametrize("text", TEXTS)
def test_all_else_is_untouched(text: str, size: int | None) -> None:
    for front in ("", "Well: "):
        got = say(text, size, front=front)
        assert got.message.text == front + text
        assert got.message.calls == []
        assert got.message.stop_reason == "end_turn"
        assert got.translator.facts.rescued_calls == 0


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("if a < b: x[0] = {1: `2`}", "if a < b: x[0] = {1: `2`}"),
        ("see <tool_call> now", "see <tool_call> now"),
        ('```json\n{"title": ', '```json\n{"title": '),
        ('{"title": ', '{"title": '),
        ("[TOOL_CALLS] x", "[TOOL_CALLS] x"),
        ("x <too", "x "),
    ],
)
def test_text_is_held_only_while_it_can_be_a_call(text: str, shown: str) -> None:
    data = new().feed(SSEReader().feed(chunk(content=text)))
    pieces = [
        json.loads(line[6:])["delta"]["text"]
        for line in data.splitlines()
        if line.startswith(b"data: ") and b"text_delta" in line
    ]
    assert "".join(pieces) == shown


@pytest.mark.parametrize("front", ["", "I look. "])
@pytest.mark.parametrize(
    "half",
    [
        '<tool_call>{"name": "Bash", "arguments": {"comm',
        "<tool_call><function=Bash><parameter=command>ls -",
        "<function=Bash><parameter=command>ls -l</parameter>",
        "<tool_call>Bash<arg_key>command</arg_key><arg_value>ls -l</arg_value>",
        '[TOOL_CALLS]Bash[ARGS]{"command": "l',
        '<|python_tag|>{"name": "Bash", ',
    ],
)
@pytest.mark.parametrize("finish", [None, "length"])
def test_a_cut_inside_a_call_gives_no_call(front: str, half: str, finish: str | None) -> None:
    got = say(front + half, 3, finish=finish)
    assert got.message.calls == []
    if front or finish is None:
        assert got.message.text == front
    else:
        assert "inside a tool call" in got.message.text
    if finish is None and not front:
        assert got.ending.retry
    else:
        assert got.message.stop_reason == "max_tokens"
        assert got.translator.facts.dropped_calls == 1


@pytest.mark.parametrize("form", ["hermes without the closer", "mistral args", "llama python tag"])
def test_a_cut_after_a_whole_call_gives_the_call(form: str) -> None:
    got = say("I look. " + FORMS[form], 3, finish=None)
    assert got.message.calls == [LS]
    assert (got.message.stop_reason, got.ending.truncation) == ("tool_use", Truncation.CUT)


def test_a_cut_in_a_code_block_keeps_it() -> None:
    for text in ('```json\n{"name": "Bash", "argu', FORMS["fence"]):
        got = say("See:\n" + text, finish=None)
        assert got.message.text == "See:\n" + text


def test_a_real_call_beside_text_that_looks_like_one() -> None:
    got = run(
        chunk(content="a <tool"),
        chunk(tool_calls=[call("Bash", '{"command": "ls -l"}')]),
        chunk("tool_calls"),
    )
    assert got.message.calls == [LS]
    assert got.message.text == "a <tool"


def test_in_call_while_one_is_received() -> None:
    got = run(chunk(content="Hi <tool_call>"), chunk(content=BODY), chunk("stop"))
    assert got.translator.facts.in_call is False
    assert got.message.calls == [LS]


@pytest.mark.parametrize("size", [1, 7, None])
def test_harmony_as_a_whole(size: int | None) -> None:
    text = (
        "<|channel|>analysis<|message|>I think < that.<|end|>"
        "<|start|>assistant<|channel|>commentary<|message|>I look.<|end|>"
        "<|start|>assistant" + FORMS["harmony"]
    )
    got = say(text, size)
    assert got.message.thinking == "I think < that."
    assert got.message.text == "I look."
    assert got.message.calls == [LS]
    got = say("<|channel|>final<|message|>Just <b>text</b>.<|return|>", size)
    assert got.message.blocks == [{"type": "text", "text": "Just <b>text</b>."}]


@pytest.mark.parametrize("form", ["<tool_call>", "[TOOL_CALLS]", "", "```json\n"])
def test_what_is_held_is_bounded(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_text, "MAX_HELD_CHARS", 1000)
    text = form + '{"name": "Bash", "arguments": {"command": "' + "x" * 2000
    got = run(*(chunk(content=text[at : at + 100]) for at in range(0, len(text), 100)))
    assert got.message.text == text
    text = FORMS["fence"] + "\n" * 2000
    got = run(*(chunk(content=letter) for letter in text), chunk("stop"))
    assert got.message.text == text


PIECES = st.sampled_from(
    [
        *TEXTS,
        *FORMS.values(),
        "<tool_call>",
        "</tool_call>",
        "```",
        "```json\n",
        "\n",
        "`",
        BODY,
        "word",
        '"',
        "<|call|>",
        "[TOOL_CALLS]",
        "{",
        "<function=Bash>",
        "<think>",
        "</think>",
        "<|message|>",
        "<|channel|>",
    ]
)


@given(parts=st.lists(PIECES, max_size=6), cuts=st.lists(st.integers(0, 400), max_size=12))
def test_the_pieces_do_not_matter(parts: list[str], cuts: list[int]) -> None:
    text = "".join(parts)
    whole = say(text)
    edges = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    chunks = [chunk(content=text[a:b]) for a, b in pairwise(edges)]
    split = run(*chunks, chunk("stop"))
    assert split.message.text == whole.message.text
    assert split.message.thinking == whole.message.thinking
    assert split.message.calls == whole.message.calls


def _untagged(text: str) -> str:
    """Without a closing mark of reasoning, which is never shown, and the line ends behind it."""
    return "".join(text.replace("</think>", "").split())


@given(st.lists(PIECES, max_size=6))
def test_nothing_but_calls_and_tags_is_lost(parts: list[str]) -> None:
    text = "I: " + "".join(parts)
    got = say(text)
    if not got.message.calls:
        told, lost, rest = got.message.text.partition("\n\n[unreadable tool call]\n")
        told += rest.removesuffix("\n") if lost else ""
        assert _untagged(told) == _untagged(text)
