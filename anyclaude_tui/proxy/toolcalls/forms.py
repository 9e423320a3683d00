"""The forms in which models write tool calls as text: the table. A new form is a row here.

Sources: the chat templates of the models, and the parsers of vLLM, SGLang, llama.cpp and
mlx_lm. What a row's fields mean stands at `Form` (`grammars.py`).
"""

from __future__ import annotations

import re

from anyclaude_tui.proxy.toolcalls.grammars import Form
from anyclaude_tui.proxy.toolcalls.spaced_tags import NS
from anyclaude_tui.proxy.toolcalls.tagged import Pairs

_NAME = r"(?:functions?\.)?(?P<name>[\w.:/<|>-]+?)"
_GLM = Pairs("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>")
_HY3 = Pairs(
    *(f"{mark[:-1]}:opensource>" for mark in ("<arg_key>", "</arg_key>")),
    *(f"{mark[:-1]}:opensource>" for mark in ("<arg_value>", "</arg_value>")),
)
_SOLAR = Pairs("<|tool_arg:start|>", "<|tool_arg:value|>", "", "<|tool_arg:end|>")
_KIMI_END = ("<|tool_call_end|>", "<|tool_calls_section_end|>", "<|tool_call_section_end|>")
_KIMI = re.compile(
    rf"\s*+(?:<\|tool_call_begin\|>)?\s*+{_NAME}\s*+<\|tool_call_argument_begin\|>\s*+"
)


def _deepseek_end(bar: str, joint: str) -> tuple[str, ...]:
    return (
        "```",
        f"<{bar}tool{joint}call{joint}end{bar}>",
        f"<{bar}tool{joint}calls{joint}end{bar}>",
    )


def _deepseek_header(bar: str, joint: str) -> re.Pattern[str]:
    marks = {
        one: re.escape(f"<{bar}tool{joint}{one}{bar}>") for one in ("sep", f"call{joint}begin")
    }
    begin, sep = marks[f"call{joint}begin"], marks["sep"]
    return re.compile(
        rf"\s*+(?:{begin})?\s*+(?:function{sep})?{_NAME}\s*+(?:{sep})?\s*+(?:```(?:json)?)?\s*+"
    )


def _deepseek(bar: str, joint: str, models: str) -> tuple[Form, Form]:
    """Quantised and distilled models write DeepSeek's marks with other bars and joints."""
    call, many = (f"<{bar}tool{joint}{one}{joint}begin{bar}>" for one in ("call", "calls"))
    rest = {
        "closers": _deepseek_end(bar, joint),
        "bodies": ("tags", "named"),
        "header": _deepseek_header(bar, joint),
        "inner": call,
        "kind": f"function<{bar}tool{joint}sep{bar}>",
        "models": models,
    }
    return Form(many, **rest), Form(call, **rest)  # type: ignore[arg-type]


def _dsml(bar: str) -> tuple[Form, ...]:
    mark = f"{bar}DSML{bar}"
    ends = tuple(f"</{mark}{word}>" for word in ("function_calls", "tool_calls"))
    invoke = Form(f"<{mark}invoke", ends, ("tags",), keeps_opener=True, models="DeepSeek V3.2, V4")
    older = Form(f"<{mark}function_calls>", ends[:1], ("tags",), models="DeepSeek V3.2")
    return invoke, older, Form(f"<{mark}tool_calls>", ends[1:], ("tags",), models="DeepSeek V4")


_DEEPSEEK_END = _deepseek_end("｜", "▁")
_DEEPSEEK = _deepseek_header("｜", "▁")
_DEEPSEEKS = "DeepSeek R1, V3, V3.1"
_CLAUDE = "antml:"
_MISTRAL = re.compile(
    r"\s*+(?:\[TOOL_CALLS\])?\s*+(?P<name>[\w.:/-]+)\s*+(?:\[CALL_ID\][\w-]*)?\s*+(?:\[ARGS\])?\s*+"
)
_HARMONY = re.compile(r"(?>[^{]*?\bto=(?:functions\.)?(?P<name>[\w.:/-]+))[^{]*+")
_HARMONY_MUST = ("<|message|>", "to=")
_HARMONY_END = ("<|call|>", "<|end|>", "<|return|>")
_SOLAR_100B = re.compile(
    rf"\s*+(?:<\|tool_call:begin\|>)?[\w-]*\s*+<\|tool_call:name\|>{_NAME}<\|tool_call:args\|>\s*+"
)
_GEMMA = re.compile(r"\s*+(?:call:)?\s*+(?P<name>[\w.:/-]+)\s*+")
_FUNCTIONARY = re.compile(r"(?P<name>[\w.:/-]+)\s*")
_FUNCTIONARY_2 = re.compile(rf"\s*+{_NAME}\s*+<\|content\|>\s*+")
_ELEMENTS = re.compile(
    r"<(?:tool_|function_)?name>\s*+(?P<name>[\w.:/-]+)\s*+</(?:tool_|function_)?name>"
    r"\s*+<(?:arguments|parameters|args|input)>\s*+"
)
_FUNCTIONARY_2_TURN = "<|from|>assistant\n<|recipient|>"
_ELEMENT_ENDS = ("</arguments>", "</parameters>", "</args>", "</input>")
_LOOSE = (
    *("</tool_call>", "</function_calls>", "</minimax:tool_call>", "</seed:tool_call>"),
    *("</tool_calls>", "</function>"),
)
"""Closers around calls whose own opener was lost."""

FORMS: tuple[Form, ...] = (
    Form(
        "<tool_call>",
        ("</tool_call>", *_ELEMENT_ENDS),
        ("tags", "json", "pairs"),
        header=_ELEMENTS,
        pairs=_GLM,
        models="Hermes, Qwen 2.5/3 (JSON), Qwen3-Coder, Qwen3.5+, Nemotron 3, Step 3.5 (tags), "
        "GLM 4.5+, Ling, Laguna (pairs), Granite 4, EXAONE, ERNIE 4.5",
    ),
    Form("<function=", _LOOSE, ("tags",), keeps_opener=True, models="Qwen3-Coder, Llama 3.1"),
    Form("<function name=", _LOOSE, ("tags",), keeps_opener=True, models="MiniCPM5"),
    Form("<invoke name=", _LOOSE, ("tags",), keeps_opener=True, models="MiniMax M2, M2.5"),
    *_dsml("｜"),
    *_dsml("|"),
    Form(
        "<minimax:tool_call>",
        ("</minimax:tool_call>",),
        ("tags", "json"),
        models="MiniMax M2, M2.5",
    ),
    Form("<seed:tool_call>", ("</seed:tool_call>",), ("tags",), models="Seed-OSS"),
    Form(
        "<function_calls>",
        ("</function_calls>",),
        ("tags", "json", "python"),
        models="models tuned on Claude's form, OLMo 3 (Python)",
    ),
    Form(
        f"<{_CLAUDE}function_calls>",
        (f"</{_CLAUDE}function_calls>", "</function_calls>"),
        ("tags",),
        models="models tuned on Claude's form",
    ),
    Form(
        f"<{_CLAUDE}invoke name=",
        (f"</{_CLAUDE}function_calls>", "</function_calls>"),
        ("tags",),
        keeps_opener=True,
        models="models tuned on Claude's form",
    ),
    Form(
        f"{NS}<tool_call>",
        (f"{NS}</tool_call>",),
        ("ns",),
        models="MiniMax M3",
    ),
    Form(
        f"{NS}<invoke name=",
        (f"{NS}</tool_call>",),
        ("ns",),
        keeps_opener=True,
        models="MiniMax M3",
    ),
    Form(
        "<tool_calls>",
        ("</tool_calls>", "</tool_call>"),
        ("tags", "json"),
        models="MiniMax M1, Hunyuan A13B, Apriel, Jamba",
    ),
    Form(
        "<tool_calls:opensource>",
        (
            "</tool_calls:opensource>",
            "</tool_call:opensource>",
        ),
        ("pairs",),
        pairs=_HY3,
        inner="<tool_call:opensource>",
        models="Hunyuan 3",
    ),
    Form(
        "<tool_call:opensource>",
        ("</tool_calls:opensource>", "</tool_call:opensource>"),
        ("pairs",),
        pairs=_HY3,
        models="Hunyuan 3",
    ),
    Form("<TOOLCALL>", ("</TOOLCALL>",), models="Nemotron Nano 2, Llama-Nemotron"),
    Form("<toolcall>", ("</toolcall>",), models="Nemotron Nano 2, Llama-Nemotron"),
    Form(
        "<tool_use>",
        ("</tool_use>", *_ELEMENT_ENDS),
        ("tags", "json"),
        header=_ELEMENTS,
        models="models tuned on Claude's form, or told one by their prompt",
    ),
    Form(
        "<code>",
        ("</code>",),
        ("python",),
        sure=False,
        models="SmolLM3",
    ),
    *(
        Form(
            opener,
            ("<|stop|>",),
            ("named",),
            header=_FUNCTIONARY_2,
            inner=_FUNCTIONARY_2_TURN,
            models="Functionary 2",
        )
        for opener in (
            "<|recipient|>",
            _FUNCTIONARY_2_TURN,
            f"<|stop|>\n{_FUNCTIONARY_2_TURN}",
        )
    ),
    Form("<function_call>", ("</function_call>",), models="Granite 20B functioncalling"),
    Form(
        "<longcat_tool_call>",
        ("</longcat_tool_call>",),
        ("json", "pairs"),
        pairs=_GLM,
        models="LongCat",
    ),
    Form("<|tool_call|>", ("<|/tool_call|>", "<|tool_call|>"), models="Granite 3, Phi-4-mini"),
    Form("<|tool_calls_section_begin|>", _KIMI_END, ("named",), header=_KIMI, models="Kimi K2"),
    Form("<|tool_call_section_begin|>", _KIMI_END, ("named",), header=_KIMI, models="Kimi K2"),
    Form("<|tool_call_begin|>", _KIMI_END, ("named",), header=_KIMI, models="Kimi K2"),
    *_deepseek("｜", "▁", _DEEPSEEKS),
    *_deepseek("|", "▁", _DEEPSEEKS),
    *_deepseek("｜", "_", f"Step 3, {_DEEPSEEKS}"),
    *_deepseek("｜", " ", _DEEPSEEKS),
    *_deepseek("|", "_", _DEEPSEEKS),
    Form(
        "<|tool_call>",
        ("<tool_call|>", "<turn|>", "<|tool_response>"),
        ("named",),
        header=_GEMMA,
        mark='<|"|>',
        models="Gemma 4",
    ),
    Form(
        "<start_function_call>",
        ("<end_function_call>", "<start_function_response>"),
        ("named",),
        header=_GEMMA,
        mark="<escape>",
        models="FunctionGemma",
    ),
    Form("<|tool_call_start|>", ("<|tool_call_end|>",), ("python", "json"), models="LFM2, LFM2.5"),
    Form("<|python_start|>", ("<|python_end|>",), ("python", "json"), models="Llama 4"),
    Form(
        "<|python_tag|>",
        ("<|eom_id|>", "<|eot_id|>", "<|python_tag|>"),
        ("json", "python"),
        models="Llama 3.1, 3.2, 3.3",
    ),
    Form(
        "[TOOL_CALLS]",
        ("[/TOOL_CALLS]", "[TOOL_CALLS]"),
        ("named", "json"),
        header=_MISTRAL,
        models="Mistral, Ministral, Devstral, Magistral",
    ),
    Form("[TOOL_REQUEST]", ("[END_TOOL_REQUEST]",), models="LM Studio's own form"),
    Form("<|START_ACTION|>", ("<|END_ACTION|>",), models="Command R7B, Command A"),
    Form("<|tools_prefix|>", ("<|tools_suffix|>",), models="Apertus"),
    Form("<|action_start|><|plugin|>", ("<|action_end|>",), models="InternLM 2"),
    Form(
        "<|tool_call:begin|>",
        ("<|tool_call:end|>",),
        ("named",),
        header=_SOLAR_100B,
        models="Solar Open 100B",
    ),
    Form(
        "<|tool_call:start|>",
        ("<|tool_call:end|>",),
        ("pairs",),
        pairs=_SOLAR,
        models="Solar Open 2",
    ),
    Form(
        "<|channel|>",
        _HARMONY_END,
        ("named",),
        header=_HARMONY,
        must=_HARMONY_MUST,
        models="gpt-oss (harmony)",
    ),
    Form(
        "<|start|>assistant",
        _HARMONY_END,
        ("named",),
        header=_HARMONY,
        must=_HARMONY_MUST,
        models="gpt-oss (harmony)",
    ),
)
"""The marks that may begin a call anywhere outside of code blocks and quotes."""

FENCE = Form(
    "```",
    ("```",),
    ("json", "python"),
    sure=False,
    models="Gemma 3, Command R+, and models that were told no form",
)
BARE = Form(
    "{",
    ("<|eom_id|>", "<|eot_id|>"),
    ("json",),
    sure=False,
    keeps_opener=True,
    models="Llama 3.x, and models that were told no form",
)
SECTION = Form(
    ">>>",
    (),
    ("named",),
    header=_FUNCTIONARY,
    sure=False,
    models="Functionary 3.2",
)
LIST = Form(
    "[",
    (),
    ("python", "json"),
    sure=False,
    keeps_opener=True,
    models="Llama 3.2, Llama 4, ToolACE, Gemma 3 (Python); xLAM (JSON)",
)

FRONT_SURE: tuple[tuple[str, Form], ...] = (
    (
        r"\s*\[(?:ARGS|CALL_ID)\]",
        Form(
            "",
            ("[TOOL_CALLS]",),
            ("named",),
            header=_MISTRAL,
            keeps_opener=True,
            models="Mistral with its first mark stripped",
        ),
    ),
    (
        r"(?::\d+)?\s*<\|tool_call_argument_begin\|>",
        Form(
            "",
            _KIMI_END,
            ("named",),
            header=_KIMI,
            keeps_opener=True,
            models="Kimi K2 with its first marks stripped",
        ),
    ),
    (
        r"\s*<arg_key>",
        Form(
            "",
            ("</tool_call>",),
            ("pairs",),
            pairs=_GLM,
            keeps_opener=True,
            models="GLM with its first mark stripped",
        ),
    ),
    (
        r"\s*<\|content\|>",
        Form(
            "",
            ("<|stop|>",),
            ("named",),
            header=_FUNCTIONARY_2,
            inner=_FUNCTIONARY_2_TURN,
            keeps_opener=True,
            models="Functionary 2, whose prompt ends behind its mark",
        ),
    ),
    (
        r"\s*<｜tool▁sep｜>",
        Form(
            "",
            _DEEPSEEK_END,
            ("named",),
            header=_DEEPSEEK,
            keeps_opener=True,
            models="DeepSeek with its first mark stripped",
        ),
    ),
)
"""Behind the name of an offered tool, at the front of a reply or behind a call."""

FRONT_UNSURE: tuple[tuple[str, Form], ...] = (
    (
        r"\s*\{",
        Form(
            "",
            (),
            ("named",),
            header=_MISTRAL,
            sure=False,
            keeps_opener=True,
            models="Mistral with all marks stripped",
        ),
    ),
    (
        r"\(",
        Form(
            "",
            (),
            ("python",),
            sure=False,
            keeps_opener=True,
            models="Python's call without a list",
        ),
    ),
)

FRONT_HARMONY = Form(
    "",
    _HARMONY_END,
    ("named",),
    header=_HARMONY,
    must=_HARMONY_MUST,
    keeps_opener=True,
    models="gpt-oss with its marks stripped",
)
FRONT_WORDS: tuple[tuple[str, Form], ...] = (
    (
        "call:",
        Form(
            "",
            ("<tool_call|>", "<turn|>"),
            ("named",),
            header=_GEMMA,
            mark='<|"|>',
            sure=False,
            keeps_opener=True,
            models="Gemma 4 with its first mark stripped",
        ),
    ),
    ("functools", Form("functools", (), sure=False, models="Phi-4-mini, Firefunction 2")),
    ("function call<|role_sep|>", Form("function call<|role_sep|>", models="GigaChat 3")),
)
"""Words that begin a call at the front of a reply."""

CLOSERS = tuple(
    sorted({closer for form in FORMS for closer in form.closers} - {"```"}, key=len, reverse=True)
)
