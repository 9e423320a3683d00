"""Parts of the rows in `forms.py`: what stands before a call's arguments, and between its values.

Pure data: regular expressions whose group `name` is the tool's, and the tags of keys and values.
"""

from __future__ import annotations

import re

from anyclaude_tui.proxy.toolcalls.tagged import Pairs

_NAME = r"(?:functions?\.)?(?P<name>[\w.:/<|>-]+?)"
GLM = Pairs("<arg_key>", "</arg_key>", "<arg_value>", "</arg_value>")
HY3 = Pairs(
    *(f"{mark[:-1]}:opensource>" for mark in ("<arg_key>", "</arg_key>")),
    *(f"{mark[:-1]}:opensource>" for mark in ("<arg_value>", "</arg_value>")),
)
SOLAR = Pairs("<|tool_arg:start|>", "<|tool_arg:value|>", "", "<|tool_arg:end|>")
KIMI_END = ("<|tool_call_end|>", "<|tool_calls_section_end|>", "<|tool_call_section_end|>")
KIMI = re.compile(
    rf"\s*+(?:<\|tool_call_begin\|>)?\s*+{_NAME}\s*+<\|tool_call_argument_begin\|>\s*+"
)


def deepseek_end(bar: str, joint: str) -> tuple[str, ...]:
    return (
        "```",
        f"<{bar}tool{joint}call{joint}end{bar}>",
        f"<{bar}tool{joint}calls{joint}end{bar}>",
    )


def deepseek_header(bar: str, joint: str) -> re.Pattern[str]:
    marks = {
        one: re.escape(f"<{bar}tool{joint}{one}{bar}>") for one in ("sep", f"call{joint}begin")
    }
    begin, sep = marks[f"call{joint}begin"], marks["sep"]
    return re.compile(
        rf"\s*+(?:{begin})?\s*+(?:function{sep})?{_NAME}\s*+(?:{sep})?\s*+(?:```(?:json)?)?\s*+"
    )


DEEPSEEK_END = deepseek_end("｜", "▁")
DEEPSEEK = deepseek_header("｜", "▁")
CLAUDE = "antml:"
MISTRAL = re.compile(
    r"\s*+(?:\[TOOL_CALLS\])?\s*+(?P<name>[\w.:/-]+)\s*+(?:\[CALL_ID\][\w-]*)?\s*+(?:\[ARGS\])?\s*+"
)
HARMONY = re.compile(r"(?>[^{]*?\bto=(?:functions\.)?(?P<name>[\w.:/-]+))[^{]*+")
HARMONY_MUST = ("<|message|>", "to=")
HARMONY_END = ("<|call|>", "<|end|>", "<|return|>")
SOLAR_100B = re.compile(
    rf"\s*+(?:<\|tool_call:begin\|>)?[\w-]*\s*+<\|tool_call:name\|>{_NAME}<\|tool_call:args\|>\s*+"
)
GEMMA = re.compile(r"\s*+(?:call:)?\s*+(?P<name>[\w.:/-]+)\s*+")
FUNCTIONARY = re.compile(r"(?P<name>[\w.:/-]+)\s*")
FUNCTIONARY_2 = re.compile(rf"\s*+{_NAME}\s*+<\|content\|>\s*+")
ELEMENTS = re.compile(
    r"<(?:tool_|function_)?name>\s*+(?P<name>[\w.:/-]+)\s*+</(?:tool_|function_)?name>"
    r"\s*+<(?:arguments|parameters|args|input)>\s*+"
)
FUNCTIONARY_2_TURN = "<|from|>assistant\n<|recipient|>"
ELEMENT_ENDS = ("</arguments>", "</parameters>", "</args>", "</input>")
