"""Every form of the table: read whole in any pieces, never when cut, and never from a value."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.proxy.toolcalls.forms import (
    BARE,
    FENCE,
    FORMS,
    FRONT_HARMONY,
    FRONT_SURE,
    FRONT_UNSURE,
    FRONT_WORDS,
    LIST,
    SECTION,
)
from anyclaude_tui.proxy.toolcalls.from_text import TextCalls
from anyclaude_tui.proxy.toolcalls.grammars import Form
from anyclaude_tui.proxy.toolcalls.validation import Toolbox
from tests.proxy.cases import TOOLS

BOX = Toolbox({tool["name"]: tool["input_schema"] for tool in TOOLS})
JSON = '{"command": "ls -l"}'
CALL = f'{{"name": "Bash", "arguments": {JSON}}}'
LS = ("Bash", {"command": "ls -l"})

ONE = {
    "hermes": f"<tool_call>\n{CALL}\n</tool_call>",
    "hermes list": f"<tool_call>[{CALL}]</tool_call>",
    "qwen3-coder": (
        "<tool_call>\n<function=Bash>\n<parameter=command>\nls -l\n</parameter>\n"
        "</function>\n</tool_call>"
    ),
    "qwen3-coder, doubled closers": (
        "<tool_call>\n<function=Bash>\n<parameter=command>\nls -l\n</parameter>\n</parameter>\n"
        "</function>\n</tool_call>\n</tool_call>"
    ),
    "qwen3-coder, names as attributes": (
        '<tool_call>\n<function name="Bash">\n<parameter name="command">\nls -l\n</parameter>\n'
        "</function>\n</tool_call>"
    ),
    "seed-oss": (
        "<seed:tool_call>\n<function=Bash>\n<parameter=command>ls -l</parameter>\n</function>\n"
        "</seed:tool_call>"
    ),
    "minimax": (
        '<minimax:tool_call>\n<invoke name="Bash">\n<parameter name="command">ls -l</parameter>\n'
        "</invoke>\n</minimax:tool_call>"
    ),
    "claude": (
        '<function_calls>\n<invoke name="Bash">\n<parameter name="command">ls -l</parameter>\n'
        "</invoke>\n</function_calls>"
    ),
    "invoke alone": '<invoke name="Bash">\n<parameter name="command">ls -l</parameter>\n</invoke>',
    "deepseek v3.2": (
        '<｜DSML｜function_calls>\n<｜DSML｜invoke name="Bash">\n<｜DSML｜parameter name="command" '
        'string="true">ls -l</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜function_calls>'
    ),
    "deepseek v4": (
        '<｜DSML｜tool_calls>\n<｜DSML｜invoke name="Bash">\n<｜DSML｜parameter name="command" '
        'string="true">ls -l</｜DSML｜parameter>\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>'
    ),
    "minicpm5": '<function name="Bash"><param name="command">ls -l</param></function>',
    "minicpm5, cdata": (
        '<function name="Bash"><param name="command"><![CDATA[ls -l]]></param></function>'
    ),
    "glm": "<tool_call>Bash\n<arg_key>command</arg_key>\n<arg_value>ls -l</arg_value></tool_call>",
    "glm, stray marks": (
        "<tool_call>Bash<arg_key><arg_key>command</arg_key></arg_key><arg_value>ls -l</arg_value>"
        "</arg_value></tool_call>"
    ),
    "glm, no opening mark of the value": (
        "<tool_call>Bash<arg_key>command</arg_key>ls -l</arg_value></tool_call>"
    ),
    "hunyuan 3": (
        "<tool_calls:opensource>\n<tool_call:opensource>Bash<tool_sep:opensource>\n"
        "<arg_key:opensource>command</arg_key:opensource>\n<arg_value:opensource>ls -l"
        "</arg_value:opensource>\n</tool_call:opensource>\n</tool_calls:opensource>"
    ),
    "solar open 2": (
        "<|tool_call:start|>Bash\n<|tool_arg:start|>command<|tool_arg:value|>ls -l"
        "<|tool_arg:end|>\n<|tool_call:end|>"
    ),
    "solar open": (
        f"<|tool_call:begin|>a1<|tool_call:name|>Bash<|tool_call:args|>{JSON}<|tool_call:end|>"
    ),
    "minimax m1": f"<tool_calls>\n{CALL}\n</tool_calls>",
    "hunyuan": f"<tool_calls>[{CALL}]</tool_calls>",
    "nemotron nano 2": f"<TOOLCALL>[{CALL}]</TOOLCALL>",
    "granite": f"<|tool_call|>[{CALL}]",
    "granite 20b": f"<function_call> {CALL}",
    "kimi k2": (
        "<|tool_calls_section_begin|><|tool_call_begin|>functions.Bash:0"
        f"<|tool_call_argument_begin|>{JSON}<|tool_call_end|><|tool_calls_section_end|>"
    ),
    "kimi k2, first marks stripped": f"Bash:0<|tool_call_argument_begin|>{JSON}<|tool_call_end|>",
    "deepseek v3": (
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>Bash\n```json\n{JSON}\n"
        "```<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
    ),
    "deepseek v3.1": (
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>Bash<｜tool▁sep｜>{JSON}"
        "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"
    ),
    "gemma 4": '<|tool_call>call:Bash{command:<|"|>ls -l<|"|>}<tool_call|>',
    "gemma 4, plain quotes": '<|tool_call>call:Bash{command:"ls -l"}<tool_call|>',
    "gemma 4, first mark stripped": 'call:Bash{command:<|"|>ls -l<|"|>}<tool_call|>',
    "functiongemma": (
        "<start_function_call>call:Bash{command:<escape>ls -l<escape>}<end_function_call>"
    ),
    "gemma 3": '```tool_code\n[Bash(command="ls -l")]\n```',
    "lfm2": '<|tool_call_start|>[Bash(command="ls -l")]<|tool_call_end|>',
    "olmo 3": "<function_calls>Bash(command='ls -l')</function_calls>",
    "llama 4": '<|python_start|>[Bash(command="ls -l")]<|python_end|>',
    "python list": '[Bash(command="ls -l")]',
    "json list": f"[{CALL}]",
    "llama, type first": f'{{"type": "function", "name": "Bash", "parameters": {JSON}}}',
    "python tag": f"<|python_tag|>{CALL}",
    "command r7b": (
        f'<|START_ACTION|>[\n{{"tool_call_id": "0", "tool_name": "Bash", "parameters": {JSON}}}\n]'
        "<|END_ACTION|>"
    ),
    "apertus": f'<|tools_prefix|>[{{"Bash": {JSON}}}]<|tools_suffix|>',
    "internlm": f"<|action_start|><|plugin|>\n{CALL}<|action_end|>",
    "longcat": f"<longcat_tool_call>{CALL}</longcat_tool_call>",
    "phi-4-mini": f"functools[{CALL}]",
    "gigachat": f"function call<|role_sep|>\n{CALL}",
    "functionary 3.2": f">>>Bash\n{JSON}",
    "functionary 2": f"<|from|>assistant\n<|recipient|>Bash\n<|content|>{JSON}<|stop|>",
    "functionary 2, first marks in the prompt alone": f"Bash\n<|content|>{JSON}<|stop|>",
    "smollm 3": '<code>\nBash(command="ls -l")\n</code>',
    "fence inside tags": f"<tool_call>\n```json\n{CALL}\n```\n</tool_call>",
    "tool use": f"<tool_use>\n{CALL}\n</tool_use>",
    "parts in tags": (f"<tool_use>\n<name>Bash</name>\n<arguments>{JSON}</arguments>\n</tool_use>"),
    "parts in tags, hermes": (
        f"<tool_call><name>Bash</name><arguments>\n{JSON}\n</arguments></tool_call>"
    ),
    "nemotron in small letters": f"<toolcall>{CALL}</toolcall>",
    "deepseek v4, plain bars": (
        '<|DSML|tool_calls>\n<|DSML|invoke name="Bash">\n<|DSML|parameter name="command" '
        'string="true">ls -l</|DSML|parameter>\n</|DSML|invoke>\n</|DSML|tool_calls>'
    ),
    "the api's own reply alone": (
        f'{{"tool_calls": [{{"id": "a", "type": "function", "function": {{"name": "Bash", '
        f'"arguments": {json.dumps(JSON)}}}}}]}}'
    ),
    "the api's own block alone": (
        f'{{"type": "tool_use", "id": "a", "name": "Bash", "input": {JSON}}}'
    ),
    "action and its input alone": f'{{"action": "Bash", "action_input": {JSON}}}',
    "mistral": f"[TOOL_CALLS]Bash[ARGS]{JSON}",
    "mistral list": f"[TOOL_CALLS][{CALL}]",
    "mistral, first mark stripped": f"Bash[ARGS]{JSON}",
    "mistral, all marks stripped": f"Bash{JSON}",
    "python call": 'Bash(command="ls -l")',
    "harmony": (
        "<|channel|>commentary to=functions.Bash <|constrain|>json<|message|>" + JSON + "<|call|>"
    ),
    "harmony, marks stripped": f"commentary to=functions.Bash json{JSON}",
    "harmony, recipient alone": f"to=Bash<|message|>{JSON}",
    "lm studio": f"[TOOL_REQUEST]{CALL}[END_TOOL_REQUEST]",
    "fence": f"```json\n{CALL}\n```",
    "fenced list": f"```json\n[{CALL}]\n```",
}
NOT_BEHIND_TEXT = {"python list", "json list", "llama, type first", "phi-4-mini", "gigachat"}
NOT_BEHIND_TEXT |= {name for name in ONE if "stripped" in name or "alone" in name}
NOT_BEHIND_TEXT |= {"functionary 3.2", "python call"}
NOT_BEHIND_TEXT -= {"invoke alone"}

Parts = list[tuple[str, object]]


def read(text: str, sizes: list[int] | None = None, *, cut: bool = False) -> Parts:
    """What comes of a reply of this text: texts joined, calls as (name, arguments)."""
    finder = TextCalls(BOX)
    edges = sorted({0, len(text), *(min(at, len(text)) for at in sizes or ())})
    pieces = [piece for a, b in pairwise(edges) for piece in finder.feed(text[a:b])]
    pieces += finder.end(cut=cut)
    out: Parts = []
    for kind, piece in pieces:
        if kind == "text" and out and out[-1][0] == "text":
            out[-1] = ("text", f"{out[-1][1]}{piece}")
        else:
            out.append((kind, (piece.name, piece.value) if kind == "call" else piece))
    return out


def calls(parts: Parts) -> list[object]:
    return [piece for kind, piece in parts if kind == "call"]


def every(text: str) -> list[int]:
    return list(range(len(text)))


@pytest.mark.parametrize("form", ONE)
def test_one_call(form: str) -> None:
    assert read(ONE[form]) == [("call", LS)]
    assert read(ONE[form], every(ONE[form])) == [("call", LS)]


@pytest.mark.parametrize("form", [name for name in ONE if name not in NOT_BEHIND_TEXT])
def test_behind_text_and_twice(form: str) -> None:
    text = f"I look.\n\n{ONE[form]}\n{ONE[form]}"
    for sizes in ([], every(text)):
        assert read(text, sizes)[:3] == [("text", "I look.\n\n"), ("call", LS), ("call", LS)]


@pytest.mark.parametrize("form", ONE)
@pytest.mark.parametrize("cut", [False, True])
def test_a_cut_anywhere_gives_the_whole_call_or_none(form: str, cut: bool) -> None:
    """`cut`: the backend does not say that the reply is over; else it says so, and is wrong."""
    for at in range(len(ONE[form])):
        assert calls(read(ONE[form][:at], cut=cut)) in ([], [LS]), ONE[form][:at]


@pytest.mark.parametrize("form", ONE)
def test_quoted_it_is_text(form: str) -> None:
    if "`" in ONE[form] or form in NOT_BEHIND_TEXT:
        return
    text = f"It is written so: `{ONE[form]}` and no other way."
    assert read(text) == [("text", text)]
    text = f"So:\n```\n{ONE[form]}\n```\nThat is all."
    assert read(text) == [("text", text)]


MARKS = sorted({mark for form in FORMS for mark in (form.opener, *form.closers)})
EVIL = [
    *ONE.values(),
    *MARKS,
    "</parameter>",
    "</arg_value>",
    "</function>",
    "</invoke>",
    "</think>",
]


@pytest.mark.parametrize("evil", EVIL)
def test_nothing_in_a_value_counts(evil: str) -> None:
    """A file about tool calls is written whole, and none of its calls is made."""
    content = f"One {evil} two.\nThree"
    arguments = {"file_path": "/a.md", "content": content}
    quoted = json.dumps(arguments, ensure_ascii=False)
    call = json.dumps({"name": "Write", "arguments": arguments}, ensure_ascii=False)
    texts = [
        f"<tool_call>\n{call}\n</tool_call>",
        f"[TOOL_CALLS]Write[ARGS]{quoted}",
        f"<|tool_call_begin|>functions.Write:0<|tool_call_argument_begin|>{quoted}<|tool_call_end|>",
        f"<｜tool▁call▁begin｜>Write<｜tool▁sep｜>{quoted}<｜tool▁call▁end｜>",
        f"<|channel|>commentary to=functions.Write<|message|>{quoted}<|call|>",
        "<tool_call>\n<function=Write>\n<parameter=file_path>\n/a.md\n</parameter>\n"
        f"<parameter=content>\n{content}\n</parameter>\n</function>\n</tool_call>",
        '<minimax:tool_call>\n<invoke name="Write">\n<parameter name="file_path">/a.md</parameter>'
        f'\n<parameter name="content">{content}</parameter>\n</invoke>\n</minimax:tool_call>',
        "<tool_call>Write<arg_key>file_path</arg_key><arg_value>/a.md</arg_value>"
        f"<arg_key>content</arg_key><arg_value>{content}</arg_value></tool_call>",
        f"<|tool_call_start|>[Write(file_path='/a.md', content={content!r})]<|tool_call_end|>",
    ]
    for text in texts:
        assert read(text) == [("call", ("Write", arguments))], text


@given(
    parts=st.lists(
        st.sampled_from([*ONE.values(), *MARKS, "Text. ", "\n", '"', "{", "`"]), max_size=4
    ),
    sizes=st.lists(st.integers(0, 500), max_size=10),
)
def test_the_pieces_make_no_difference(parts: list[str], sizes: list[int]) -> None:
    text = "".join(parts)
    assert read(text, sizes) == read(text)


def test_the_page_names_the_models_of_every_form() -> None:
    from tests.test_docs import ROOT

    page = (ROOT / "docs/tool-calls.md").read_text(encoding="utf-8")
    rows: list[Form] = [*FORMS, FENCE, BARE, LIST, SECTION, FRONT_HARMONY]
    rows += [form for _, form in (*FRONT_SURE, *FRONT_UNSURE, *FRONT_WORDS)]
    assert [form for form in rows if form.models not in page] == []


@pytest.mark.parametrize(
    "text",
    [
        'call:Bash{command:<|"|>[TOOL_CALLS]Read[ARGS]{"file_path": "/a"}',
        '{"name": "Bash", "arguments": {"command": "<tool_call>' + CALL.replace("ls", "rm"),
        '```json\n{"name": "Bash", "arguments": {"command": "[TOOL_CALLS]Read[ARGS]{}',
    ],
)
@pytest.mark.parametrize("cut", [True, False])
def test_a_form_that_is_not_sure_and_open_at_the_end_is_text_with_all_in_it(
    text: str, cut: bool
) -> None:
    """What stands in its value begins no call."""
    assert read(text, cut=cut) == [("text", text)]


@pytest.mark.parametrize(
    "text",
    [
        "<seed:tool_call>\n<function=Bash>\n<parameter=command>x </function>",
        '<invoke name="Bash">\n<parameter name="command"></invoke>',
        '<function name="Bash"><param name="command">x </function>',
    ],
)
def test_a_cut_behind_a_tag_in_a_value_is_no_end_of_the_call(text: str) -> None:
    assert calls(read(text, cut=True)) == []


def test_white_space_ahead_of_a_value_is_its_own() -> None:
    text = "<tool_call>Bash<arg_key>command</arg_key>  ls\n</arg_value></tool_call>"
    assert calls(read(text)) == [("Bash", {"command": "  ls\n"})]


def test_an_open_cdata_is_a_cut() -> None:
    text = '<function name="Bash"><param name="command"><![CDATA[x </param></function>'
    assert calls(read(text)) == []


def test_halves_of_a_character_are_put_together() -> None:
    text = '<|python_start|>[Bash(command="\\ud83e\\udd99")]<|python_end|>'
    assert calls(read(text)) == [("Bash", {"command": "🦙"})]
