"""Recognise a context overflow in the words of any server, and say it in Claude Code's.

Pure. Claude Code compacts and retries by itself when it reads "prompt is too long"
(`docs/protocol/claude-code.md`, "What matters most", 5), and repeats with a smaller `max_tokens`
when it reads "input length and `max_tokens` exceed context limit: A + B > C" ("Failures", 400).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from anyclaude_tui.proxy.errors import ApiError, invalid, overflow

LEAST_ROOM = 2_000
"""With less room than this behind the prompt a smaller `max_tokens` is no help: Claude
Code asks for C - A - 1000."""

_N = r"(?<![\d,])(\d[\d,]{0,30})"


def _patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(text, re.IGNORECASE) for text in texts)


_OVERFLOW = re.compile(
    r"context[ _]length[ _]exceeded"
    r"|context[ _](?:size|window|length)[ _](?:has been |was |is )?(?:exceeded|full|overflow)"
    r"|exceed_context_size"
    r"|exceed(?:s|ed|ing)?(?: the| its| this| your)?(?: model'?s?)?(?: available| maximum| max)*"
    r"(?: model)?(?: supported)? ?(?:context|input length|prompt length|sequence length)"
    r"|max(?:imum)? (?:model )?(?:context|sequence|prompt|model) (?:length|window|size|limit)"
    r"|longer than the (?:model'?s |maximum )+(?:context|model) length"
    r"|n_keep \(?\d+\)? ?>=? ?n_ctx"
    r"|token count (?:of )?\(?\d[\d,]*\)? exceeds"
    r"|max_prompt_tokens_exceeded"
    r"|keep the first \d+ tokens when context"
    r"|tokens to keep from the initial prompt is greater than the context"
    r"|reached context length"
    r"|(?:greater than|exceeds?) (?:the )?(?:max_seq_len|session_len)"
    r"|greater than the context (?:length|size|window)"
    r"|(?:prompt|input|request) (?:is )?too long"
    r"|too many (?:input |prompt )?tokens\b(?! per)"
    r"|input token count .{0,40}exceeds"
    r"|context overflow"
    r"|exceed(?:s|ed)? (?:the )?(?:model )?token limit"
    r"|`?inputs`? (?:tokens \+ `max_new_tokens` )?must (?:be <=|have less than)"
    r"|contextwindowexceeded"
    r"|ran out of context"
    # The rest is Claude Code's own list (2.1.x), for servers that it has met.
    r"|maximum context limit|context window exceeds|context length is only"
    r"|the model only supports up to|prompt length .{0,60}should not exceed"
    r"|input token length too long|input tokens exceed the configured limit"
    r"|prompt exceeds max length|tokens in request more than max tokens allowed"
    r"|range of input length should be|but model only supports up to"
    r"|reduce the length of the (?:messages|input|prompt)|context exceeds your deployment",
    re.IGNORECASE,
)

_PROMPT = _patterns(
    rf"too long:? \(?{_N}",
    rf"{_N} (?:tokens )?(?:in|from) (?:the |your )?(?:input )?(?:messages|prompt)",
    rf"{_N} (?:tokens )?of (?:text )?input",
    rf"{_N} input tokens",
    rf"messages resulted in (?:over |at least )?{_N}",
    rf"request(?:ed tokens)? \({_N}(?: tokens)?\)",
    rf"keep the first {_N}",
    rf"n_keep \(?{_N}",
    rf"\(length {_N}\)",
    rf"(?:input|prompt) \({_N} tokens\)",
    rf"(?:token count|number of tokens|contains?|given:?|got)(?: of| is)? \(?{_N}",
    rf"prompt length \(?{_N}",
    rf"requested (?:a total of |about |at least )?{_N}",
)
_COMPLETION = _patterns(
    rf"{_N} (?:tokens )?(?:in|for) the (?:completion|output)",
    rf"{_N} in the output",
    rf"requested {_N} output tokens",
    rf"max_completion_tokens'? is too large: {_N}",
    rf"{_N} `max_new_tokens`",
)
_WINDOW = _patterns(
    rf"(?:context|model|prompt|sequence) (?:length|size|window|limit)\)?:? "
    rf"(?:of |is |\()?(?:only )?{_N}",
    rf"> {_N} maximum",
    rf"with {_N} maximum context",
    rf"must be <= {_N}",
    rf"maximum number of tokens allowed \({_N}",
    rf"less than {_N} tokens",
    rf"length of only {_N}",
    rf"n_ctx \(?{_N}",
    rf"exceeds the limit of {_N}",
    rf"only supports up to {_N}",
    rf"max_num_tokens \({_N}",
)

_SAID_WITHIN = 600
"""Overflow words stand in the first this many characters, or the message is about something
else and quotes them."""
_QUOTES = re.compile(
    r"^.{0,120}?(?:"
    r"fail(?:ed|ure) to (?:parse|decode|deserialize)"
    r"|(?:could|can) ?not (?:be )?(?:parsed?|decoded?)"
    r"|(?:pars(?:e|ing|er)|decod(?:e|ing)|syntax) (?:error|failed|failure)"
    r"|error (?:while )?(?:parsing|decoding)"
    r"|invalid (?:tool|function) call"
    r"|(?:does|did) not match the expected"
    r"|unexpected (?:token|character|end)"
    r"|expecting (?:value|property|',')"
    r")",
    re.IGNORECASE | re.DOTALL,
)
"""An error about what the model wrote, which it goes on to quote."""
_MARKUP = re.compile(r"<tool_call|<function|<arg_|<parameter|<\||\[TOOL_CALLS\]")
"""Here at the latest the model's own words begin."""


def overflow_error(
    words: str,
    fields: Mapping[str, Any],
    *,
    prompt_tokens: int | None = None,
    window_tokens: int | None = None,
) -> ApiError | None:
    """The error that makes Claude Code act, if `words` or `fields` tell of an overflow.

    `fields` is the backend's error object (llama.cpp puts `n_prompt_tokens` and `n_ctx`
    in it). What it does not say is completed by what we know. None: it is no overflow, as an
    error about the model's output is none whatever it quotes: a healthy conversation would be
    compacted.
    """
    kinds = " ".join(str(fields.get(key, "")) for key in ("type", "code"))
    said = "" if _QUOTES.search(words) else _MARKUP.split(words[:_SAID_WITHIN], maxsplit=1)[0]
    if not _OVERFLOW.search(said) and not _OVERFLOW.search(kinds):
        return None
    completion = _first(_COMPLETION, words)
    told = _whole(fields.get("n_prompt_tokens")) or _first(_PROMPT, words)
    prompt = told or prompt_tokens
    window = _whole(fields.get("n_ctx")) or _first(_WINDOW, words) or window_tokens
    if prompt is None or window is None:
        return invalid(f"prompt is too long: {words}")
    if prompt > window:
        error = overflow(prompt, window)
        error.prompt_tokens = told
        return error
    if completion is not None and prompt + completion > window >= prompt + LEAST_ROOM:
        return invalid(
            "input length and `max_tokens` exceed context limit: "
            f"{prompt} + {completion} > {window}, decrease input length or `max_tokens` and try "
            "again"
        )
    # The numbers that we have do not show it, so the backend's words stand instead.
    return invalid(f"prompt is too long: {words}")


def _first(patterns: tuple[re.Pattern[str], ...], words: str) -> int | None:
    for pattern in patterns:
        found = pattern.search(words)
        if found:
            return _whole(found.group(1).replace(",", ""))
    return None


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 16:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None
