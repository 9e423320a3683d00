"""The forms in which models write tool calls as text: the table. A new form is a row here.

Sources: the chat templates of the models, and the parsers of vLLM, SGLang, llama.cpp and
mlx_lm. What a row's fields mean stands at `Form` (`grammars.py`).
"""

from __future__ import annotations

from anyclaude_tui.proxy.toolcalls.form_parts import (
    CLAUDE,
    DEEPSEEK,
    DEEPSEEK_END,
    ELEMENT_ENDS,
    ELEMENTS,
    FUNCTIONARY,
    FUNCTIONARY_2,
    FUNCTIONARY_2_TURN,
    GEMMA,
    GLM,
    HARMONY,
    HARMONY_END,
    HARMONY_MUST,
    HY3,
    KIMI,
    KIMI_END,
    MISTRAL,
    SOLAR,
    SOLAR_100B,
    deepseek_end,
    deepseek_header,
)
from anyclaude_tui.proxy.toolcalls.grammars import Form
from anyclaude_tui.proxy.toolcalls.spaced_tags import NS


def _deepseek(bar: str, joint: str, models: str) -> tuple[Form, Form]:
    """Quantised and distilled models write DeepSeek's marks with other bars and joints."""
    call, many = (f"<{bar}tool{joint}{one}{joint}begin{bar}>" for one in ("call", "calls"))
    rest = {
        "closers": deepseek_end(bar, joint),
        "bodies": ("tags", "named"),
        "header": deepseek_header(bar, joint),
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


_DEEPSEEKS = "DeepSeek R1, V3, V3.1"
_LOOSE = (
    *("</tool_call>", "</function_calls>", "</minimax:tool_call>", "</seed:tool_call>"),
    *("</tool_calls>", "</function>"),
)
"""Closers around calls whose own opener was lost."""

FORMS: tuple[Form, ...] = (
    Form(
        "<tool_call>",
        ("</tool_call>", *ELEMENT_ENDS),
        ("tags", "json", "pairs"),
        header=ELEMENTS,
        pairs=GLM,
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
        f"<{CLAUDE}function_calls>",
        (f"</{CLAUDE}function_calls>", "</function_calls>"),
        ("tags",),
        models="models tuned on Claude's form",
    ),
    Form(
        f"<{CLAUDE}invoke name=",
        (f"</{CLAUDE}function_calls>", "</function_calls>"),
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
        pairs=HY3,
        inner="<tool_call:opensource>",
        models="Hunyuan 3",
    ),
    Form(
        "<tool_call:opensource>",
        ("</tool_calls:opensource>", "</tool_call:opensource>"),
        ("pairs",),
        pairs=HY3,
        models="Hunyuan 3",
    ),
    Form("<TOOLCALL>", ("</TOOLCALL>",), models="Nemotron Nano 2, Llama-Nemotron"),
    Form("<toolcall>", ("</toolcall>",), models="Nemotron Nano 2, Llama-Nemotron"),
    Form(
        "<tool_use>",
        ("</tool_use>", *ELEMENT_ENDS),
        ("tags", "json"),
        header=ELEMENTS,
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
            header=FUNCTIONARY_2,
            inner=FUNCTIONARY_2_TURN,
            models="Functionary 2",
        )
        for opener in (
            "<|recipient|>",
            FUNCTIONARY_2_TURN,
            f"<|stop|>\n{FUNCTIONARY_2_TURN}",
        )
    ),
    Form("<function_call>", ("</function_call>",), models="Granite 20B functioncalling"),
    Form(
        "<longcat_tool_call>",
        ("</longcat_tool_call>",),
        ("json", "pairs"),
        pairs=GLM,
        models="LongCat",
    ),
    Form("<|tool_call|>", ("<|/tool_call|>", "<|tool_call|>"), models="Granite 3, Phi-4-mini"),
    Form("<|tool_calls_section_begin|>", KIMI_END, ("named",), header=KIMI, models="Kimi K2"),
    Form("<|tool_call_section_begin|>", KIMI_END, ("named",), header=KIMI, models="Kimi K2"),
    Form("<|tool_call_begin|>", KIMI_END, ("named",), header=KIMI, models="Kimi K2"),
    *_deepseek("｜", "▁", _DEEPSEEKS),
    *_deepseek("|", "▁", _DEEPSEEKS),
    *_deepseek("｜", "_", f"Step 3, {_DEEPSEEKS}"),
    *_deepseek("｜", " ", _DEEPSEEKS),
    *_deepseek("|", "_", _DEEPSEEKS),
    Form(
        "<|tool_call>",
        ("<tool_call|>", "<turn|>", "<|tool_response>"),
        ("named",),
        header=GEMMA,
        mark='<|"|>',
        models="Gemma 4",
    ),
    Form(
        "<start_function_call>",
        ("<end_function_call>", "<start_function_response>"),
        ("named",),
        header=GEMMA,
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
        header=MISTRAL,
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
        header=SOLAR_100B,
        models="Solar Open 100B",
    ),
    Form(
        "<|tool_call:start|>",
        ("<|tool_call:end|>",),
        ("pairs",),
        pairs=SOLAR,
        models="Solar Open 2",
    ),
    Form(
        "<|channel|>",
        HARMONY_END,
        ("named",),
        header=HARMONY,
        must=HARMONY_MUST,
        models="gpt-oss (harmony)",
    ),
    Form(
        "<|start|>assistant",
        HARMONY_END,
        ("named",),
        header=HARMONY,
        must=HARMONY_MUST,
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
    header=FUNCTIONARY,
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
            header=MISTRAL,
            keeps_opener=True,
            models="Mistral with its first mark stripped",
        ),
    ),
    (
        r"(?::\d+)?\s*<\|tool_call_argument_begin\|>",
        Form(
            "",
            KIMI_END,
            ("named",),
            header=KIMI,
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
            pairs=GLM,
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
            header=FUNCTIONARY_2,
            inner=FUNCTIONARY_2_TURN,
            keeps_opener=True,
            models="Functionary 2, whose prompt ends behind its mark",
        ),
    ),
    (
        r"\s*<｜tool▁sep｜>",
        Form(
            "",
            DEEPSEEK_END,
            ("named",),
            header=DEEPSEEK,
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
            header=MISTRAL,
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
    HARMONY_END,
    ("named",),
    header=HARMONY,
    must=HARMONY_MUST,
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
            header=GEMMA,
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
