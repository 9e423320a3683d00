"""The forms in which models write tool calls as text, and what stands in them.

Pure. Each form has an opener, perhaps a closer, a `head` that tells early whether what
follows the opener can still be a call of an offered tool, and a `parse`. Sources: the chat
templates of the models, and the threads in `docs/protocol/messages.md`, "OpenAI side".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

RawCall = tuple[str, str]
"""(name, arguments as JSON text)."""

HEAD_CHARS = 400
"""So much of the text after the opener is looked at by `head`."""

_NAME_KEYS = ("name", "tool", "tool_name")
_ARGUMENT_KEYS = ("arguments", "parameters", "args", "input")
_FIRST_KEYS = (*_NAME_KEYS, *_ARGUMENT_KEYS, "function", "type", "id")
_CERTAIN_KEYS = (*_NAME_KEYS, "function")
"""First keys that keep a code block or a bare object from being shown at once."""
_FENCES = ("json", "tool_call", "tool_calls", "tool_code", "tool", "function", "")
_PARAMETER = re.compile(
    r"\s*<parameter=([^>\n]+)>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL
)
_FUNCTION = re.compile(r"\s*<function=([^>\n]+)>(.*?)(?:</function>|(?=<function=)|\Z)", re.DOTALL)
_GLM_PAIR = re.compile(
    r"\s*<arg_key>(.*?)</arg_key>\s*<arg_value>(.*?)(?:</arg_value>|\Z)", re.DOTALL
)
_FUNCTION_CLOSER = re.compile(r"</function>\s*(</tool_call>)")
_JSON_BODY = re.compile(r"\s*(?:[\w.-]+>\s*|[^{}]*<\|message\|>\s*)?\{")
_JSON_TOKEN = re.compile(
    r'\\.|"|</tool_call>|</function>|\[END_TOOL_REQUEST\]|<\|call\|>|<\|end\|>', re.DOTALL
)
_MISTRAL = re.compile(r"\s*([\w.-]+)\s*(?:\[CALL_ID\][\w-]*)?\s*(?:\[ARGS\])?\s*(?=\{)", re.ASCII)
_RECIPIENT = re.compile(r"\bto=(?:functions\.)?([\w.-]+)")
_MESSAGE = "<|message|>"


class Form(NamedTuple):
    """One way to write a call."""

    opener: str
    closers: tuple[str, ...]
    """None: it goes on to the end of the reply."""
    head: Callable[[str, Collection[str]], bool | None]
    """What follows the opener: certainly a call (True), certainly none, or not known yet."""
    parse: Callable[[str], list[RawCall] | None]
    """What stands between opener and closer; None if that is no call in good form."""
    sure: bool = True
    """Nothing but a call is ever written so. Otherwise (a code block, a reply that is all
    JSON) it must be perfect, and the last thing in the reply."""


# --- heads: can it still be a call? ----------------------------------------------------------


def _name_head(partial: str, ended: bool, names: Collection[str]) -> bool | None:
    partial = partial.strip().removeprefix("functions.")
    if ended:
        return partial in names
    return None if any(name.startswith(partial) for name in names) else False


def _json_head(
    text: str, names: Collection[str], keys: Collection[str] = _FIRST_KEYS
) -> bool | None:
    """The beginning of a JSON object that names a tool; its first key is one of `keys`."""
    text = text.lstrip()
    if not text:
        return None
    if text[0] != "{":
        return False
    text = text[1:].lstrip()
    if not text:
        return None
    if text[0] != '"':
        return False
    key, ended, rest = text[1:].partition('"')
    if not ended:
        return None if any(one.startswith(key) for one in keys) else False
    if key not in keys:
        return False
    if key not in _NAME_KEYS:
        return None
    rest = rest.lstrip()
    if not rest:
        return None
    if rest[0] != ":":
        return False
    rest = rest[1:].lstrip()
    if not rest:
        return None
    if rest[0] != '"':
        return False
    name, ended, _ = rest[1:].partition('"')
    return _name_head(name, bool(ended), names)


def _tag_head(text: str, names: Collection[str]) -> bool | None:
    """After `<tool_call>`: JSON (Hermes, Qwen), `<function=` (Qwen3-Coder), a name (GLM)."""
    text = text.lstrip()
    if not text or text[0] == "{":
        return _json_head(text, names)
    if text[0] == "<":
        tag = "<function="
        if not text.startswith(tag):
            return None if tag.startswith(text) else False
        return _function_head(text[len(tag) :], names)
    name = re.split(r"[\n<]", text, maxsplit=1)[0]
    return _name_head(name, len(name) < len(text), names)


def _function_head(text: str, names: Collection[str]) -> bool | None:
    name, ended, _ = text.partition(">")
    return _name_head(name, bool(ended), names)


def _mistral_head(text: str, names: Collection[str]) -> bool | None:
    text = text.lstrip()
    if text[:1] == "[":
        return _json_head(text[1:], names)
    if text[:1] in ("", "{"):
        return _json_head(text, names)
    name = re.split(r"[\[{]", text, maxsplit=1)[0]
    return _name_head(name, len(name) < len(text), names)


def _fence_head(text: str, names: Collection[str]) -> bool | None:
    info, ended, body = text.partition("\n")
    info = info.strip()
    if not ended:
        return None if any(one.startswith(info) for one in _FENCES) else False
    return _json_head(body, names, _CERTAIN_KEYS) if info in _FENCES else False


def _bare_head(text: str, names: Collection[str]) -> bool | None:
    return _json_head("{" + text, names, _CERTAIN_KEYS)


def _harmony_head(text: str, names: Collection[str]) -> bool | None:
    header, ended, _ = text.partition(_MESSAGE)
    if not ended:
        return None if len(header) < HEAD_CHARS // 2 else False
    recipient = _RECIPIENT.search(header)
    return recipient is not None and recipient[1] in names


# --- parsers ---------------------------------------------------------------------------------


def json_calls(text: str) -> list[RawCall] | None:
    """Calls as JSON objects, one or several, also in a list."""
    decoder = json.JSONDecoder()
    out: list[RawCall] = []
    at = 0
    while True:
        while at < len(text) and text[at] in " \t\r\n;,":
            at += 1
        if at == len(text):
            return out or None
        try:
            value, at = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        for one in value if isinstance(value, list) else [value]:
            call = object_call(one)
            if call is None:
                return None
            out.append(call)


def object_call(value: Any) -> RawCall | None:
    """The call that a JSON object describes: `{"name":…, "arguments":{…}}` and its kin."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):
        value = value["function"]
    name = next((value[key] for key in _NAME_KEYS if isinstance(value.get(key), str)), None)
    if name is None and isinstance(value.get("function"), str):
        name = value["function"]
    key = next((key for key in _ARGUMENT_KEYS if key in value), None)
    if name is None or key is None:
        return None
    arguments = value[key]
    if isinstance(arguments, str):
        return name, arguments
    return name, json.dumps(arguments, ensure_ascii=False)


def _tag_calls(text: str) -> list[RawCall] | None:
    bare = text.strip()
    if bare.startswith("{"):
        return json_calls(bare)
    if bare.startswith("<function="):
        return _function_calls(bare)
    return _glm_calls(bare)


def _function_calls(text: str) -> list[RawCall] | None:
    """Qwen3-Coder: `<function=NAME><parameter=KEY>value</parameter></function>`; Llama:
    `<function=NAME>{json}</function>`."""
    out: list[RawCall] = []
    at = 0
    for match in _FUNCTION.finditer(text):
        if match.start() != at:
            return None
        at = match.end()
        name, inner = match[1].strip(), match[2]
        if inner.lstrip().startswith("{"):
            out.append((name, inner.strip()))
            continue
        arguments = _pairs(_PARAMETER, inner)
        if arguments is None:
            return None
        out.append((name, arguments))
    return out if out and not text[at:].strip() else None


def _glm_calls(text: str) -> list[RawCall] | None:
    """GLM: the name, then `<arg_key>k</arg_key><arg_value>v</arg_value>` pairs."""
    name, mark, rest = text.partition("<arg_key>")
    arguments = _pairs(_GLM_PAIR, mark + rest)
    return None if arguments is None else [(name.strip(), arguments)]


def _pairs(pattern: re.Pattern[str], text: str) -> str | None:
    """Keys and values as a JSON object of strings (the schema makes them what they should
    be); None if there is anything else in the text."""
    found: dict[str, str] = {}
    at = 0
    for match in pattern.finditer(text):
        if match.start() != at:
            return None
        at = match.end()
        found[match[1].strip()] = match[2].removeprefix("\n").removesuffix("\n")
    return None if text[at:].strip() else json.dumps(found, ensure_ascii=False)


def _mistral_calls(text: str) -> list[RawCall] | None:
    """`[{"name":…}]` in older templates, `NAME[ARGS]{json}` in newer ones."""
    out: list[RawCall] = []
    for part in text.split("[TOOL_CALLS]"):
        match = _MISTRAL.match(part)
        if match is not None:
            out.append((match[1], part[match.end() :].strip()))
            continue
        found = json_calls(part)
        if found is None:
            return None
        out += found
    return out


def _fence_calls(text: str) -> list[RawCall] | None:
    return json_calls(text.partition("\n")[2])


def _harmony_calls(text: str) -> list[RawCall] | None:
    header, _, body = text.partition(_MESSAGE)
    recipient = _RECIPIENT.search(header)
    return [(recipient[1], body.strip())] if recipient is not None else None


def _bare_calls(text: str) -> list[RawCall] | None:
    return json_calls("{" + text)


def _function_body(text: str) -> list[RawCall] | None:
    return _function_calls("<function=" + text)


FENCE = Form("```", ("\n```",), _fence_head, _fence_calls, sure=False)
BARE = Form("{", (), _bare_head, _bare_calls, sure=False)

FORMS: dict[str, Form] = {
    form.opener: form
    for form in (
        Form("<tool_call>", ("</tool_call>",), _tag_head, _tag_calls),
        Form("<function=", ("</function>",), _function_head, _function_body),
        Form("[TOOL_CALLS]", (), _mistral_head, _mistral_calls),
        Form("[TOOL_REQUEST]", ("[END_TOOL_REQUEST]",), _json_head, json_calls),
        Form("<|python_tag|>", (), _json_head, json_calls),
        Form("<|channel|>", ("<|call|>", "<|end|>"), _harmony_head, _harmony_calls),
        Form("<|start|>assistant", ("<|call|>", "<|end|>"), _harmony_head, _harmony_calls),
        FENCE,
        BARE,
    )
}
"""By opener. A code block and a bare object need care: see `from_text.py`."""


# --- where a call ends -----------------------------------------------------------------------


def closing(form: Form, body: str) -> tuple[int, int] | None:
    """Start and end of the closer that ends the call: in JSON one outside all strings, with
    `<function=` inside `<tool_call>` one after `</function>`. None: not there yet."""
    head = body[:HEAD_CHARS]
    if form.sure and head.lstrip().startswith("<function="):
        match = _FUNCTION_CLOSER.search(body)
        return None if match is None else match.span(1)
    if not form.sure or not _JSON_BODY.match(head):
        return first_closer(form, body)
    in_string = False
    for match in _JSON_TOKEN.finditer(body):
        token = match[0]
        if token == '"':
            in_string = not in_string
        elif token in form.closers and not in_string:
            return match.span()
    return None


def first_closer(form: Form, body: str) -> tuple[int, int] | None:
    """Start and end of the first closer, wherever it stands."""
    found = [(body.find(one), body.find(one) + len(one)) for one in form.closers]
    return min((one for one in found if one[0] >= 0), default=None)


def looks_whole(raw: str) -> bool:
    """Whether nothing but the closer can be missing: JSON or a function has just ended."""
    raw = raw.rstrip()
    if "<function=" in raw or "<arg_key>" in raw:
        return raw.endswith("</function>")
    return raw.endswith(("}", "]"))
