"""The test whether a model can drive Claude Code. A few requests through the proxy, pass or fail
per point.

The requests are small copies of what Claude Code sends: tools with schemas, a system text
as long as its own, a tool's result to go on from. `doctor` and the Compare screen show the
points; what a model fails is told with what to do about it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema

from anyclaude_tui import figures
from anyclaude_tui.compare.measuring import timed_run
from anyclaude_tui.compare.measuring.run import Run, Taken
from anyclaude_tui.compare.measuring.targets import MeasuredTarget
from anyclaude_tui.compare.workload import SYSTEM, TOOLS, long_text, with_nonce
from anyclaude_tui.config.settings import Settings
from anyclaude_tui.session.session import Session
from anyclaude_tui.telemetry.events import Role

CLAUDE_PROMPT_TOKENS = 13_275
"""The first prompt of Claude Code 2.1.332 in an empty folder, with Qwen's tokenizer; see
`backends.base.CLAUDE_CODE_PROMPT`."""
WINDOW_NEEDED = 32_768
"""Its first request, a file or two, and an answer."""
FIRST_ANSWER_S = 300.0
"""Nobody waits longer for the first answer, and Claude Code itself grows impatient."""
SPEED_NEEDED = 5.0
"""Tokens per second below which a tool call takes the better part of a minute."""
MAX_TOKENS = 600

_CODE_WORD = "heliotrope"
_FACT = "4711"


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that Claude Code needs of a model."""

    name: str
    passed: bool | None
    """None: it could not be found out."""
    needed: bool
    """Without it Claude Code does not work; else it only works less well."""
    said: str
    """The observation, in words."""
    remedy: str = ""
    """The advice, when it did not pass."""
    of_template: bool = False
    """It is about the model's chat template, not about the model."""


def fit(points: Sequence[Point]) -> bool:
    """True if everything that is needed passed."""
    return all(point.passed is not False for point in points if point.needed)


async def check(
    settings: Settings, home: Path, target: str, session: Session | None = None
) -> AsyncIterator[Point]:
    """The points, one after the other as they are found out.

    `session`: a running one to use. Raises ConfigError, BackendError or OSError when the
    target cannot be brought up.
    """
    measured = MeasuredTarget(target, settings, home, session)
    known = await measured.bring_up()
    try:
        yield window(known.window_tokens)
        for name, said in measured.status.template:
            yield Point(name, True, needed=False, said=said, of_template=True)
        for request, judge in (
            (tool_call_request(), tool_call),
            (parallel_request(), parallel_calls),
            (tool_result_request(), tool_result),
        ):
            yield judge(await _ask(measured, request))
        # With a nonce, or the second check would measure the cache.
        long = with_nonce(long_request(known.window_tokens), secrets.token_hex(4))
        taken = await _ask(measured, long)
        yield long_prompt(taken)
        yield speed(taken)
    finally:
        await measured.take_down()


async def _ask(measured: MeasuredTarget, body: Mapping[str, Any]) -> Taken:
    session = measured.session
    run = Run(measured.name)
    return await timed_run.through_proxy(
        run, measured.http, session.url, session.token, session.hub, body, Role.COMPARE
    )


# --- the requests -------------------------------------------------------------------------------


def tool_call_request() -> dict[str, Any]:
    """One tool call is asked for."""
    return _request("Use the shell: run `ls -a` with the Bash tool. Answer with the call only.")


def parallel_request() -> dict[str, Any]:
    """Two independent calls are asked for at once."""
    return _request(
        "Read the files /etc/hostname and /etc/hosts with the Read tool. The two do not "
        "depend on each other: make both calls at once, in the same answer."
    )


def tool_result_request() -> dict[str, Any]:
    """A tool has answered; the answer is in its result."""
    use = {
        "type": "tool_use",
        "id": "toolu_fitness",
        "name": "Bash",
        "input": {"command": "cat number.txt"},
    }
    result = {"type": "tool_result", "tool_use_id": "toolu_fitness", "content": _FACT}
    return _request(
        "Which number is in number.txt? Look with the Bash tool, then say the number.",
        {"role": "assistant", "content": [use]},
        {"role": "user", "content": [result]},
    )


def long_request(window_tokens: int | None) -> dict[str, Any]:
    """A system text as long as Claude Code's, or as the window allows, with a word to find."""
    tokens = CLAUDE_PROMPT_TOKENS
    if window_tokens is not None:
        tokens = min(tokens, window_tokens // 2)
    front = f"{SYSTEM}\nThe code word of this session is {_CODE_WORD}.\n"
    body = _request("What is the code word of this session? Answer with the word only.")
    return {**body, "system": front + long_text(tokens), "tools": []}


def _request(text: str, *more: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": "fitness",
        "max_tokens": MAX_TOKENS,
        "stream": True,
        "system": SYSTEM,
        "tools": TOOLS,
        "messages": [{"role": "user", "content": text}, *more],
    }


# --- the judges: pure ---------------------------------------------------------------------------


def window(window_tokens: int | None) -> Point:
    """Claude Code's prompt must fit, and some work with it."""
    if window_tokens is None:
        said = "the backend does not tell its context window"
        return Point("context window", None, True, said, "set context_window for it")
    return Point(
        "context window",
        window_tokens >= WINDOW_NEEDED,
        True,
        f"{figures.exact(window_tokens)} tokens; Claude Code begins with about "
        f"{figures.exact(CLAUDE_PROMPT_TOKENS)}",
        f"load the model with a window of {figures.exact(WINDOW_NEEDED)} tokens or more",
    )


def tool_call(taken: Taken) -> Point:
    """A tool call whose input is JSON and fits the schema."""
    name = "tool call"
    if (failed := _failed(taken)) is not None:
        return Point(name, False, True, *failed)
    good = [call for call in taken.tool_calls if not _wrong(call)]
    if good:
        return Point(name, True, True, f"called {good[0][0]} with {_short(good[0][1])}")
    remedy = "use a model that was trained for tools (an instruct or coder variant)"
    if taken.tool_calls:
        return Point(name, False, True, _wrong(taken.tool_calls[0]), remedy)
    return Point(name, False, True, f"wrote text in its place: {_short(taken.answer)}", remedy)


def parallel_calls(taken: Taken) -> Point:
    """Two calls in one answer: quicker, not needed."""
    name = "parallel tool calls"
    if (failed := _failed(taken)) is not None:
        return Point(name, False, False, *failed)
    good = [call for call in taken.tool_calls if not _wrong(call)]
    said = f"{len(good)} of 2 calls in one answer"
    remedy = "it works one call at a time: slower, not wrong"
    return Point(name, len(good) >= 2, False, said, "" if len(good) >= 2 else remedy)


def tool_result(taken: Taken) -> Point:
    """It goes on from what a tool has said."""
    name = "follows a tool's result"
    if (failed := _failed(taken)) is not None:
        return Point(name, False, True, *failed)
    if _FACT in taken.answer:
        return Point(name, True, True, "answered from the result")
    said = f"answered {_short(taken.answer)}"
    if taken.tool_calls:
        said = f"called {taken.tool_calls[0][0]} again instead of reading the result"
    return Point(
        name,
        False,
        True,
        said,
        "check the model's chat template (it must render tool results), or use another model",
    )


def long_prompt(taken: Taken) -> Point:
    """It finds its way in a system text as long as Claude Code's."""
    name = "long system prompt"
    if (failed := _failed(taken)) is not None:
        return Point(name, False, True, *failed)
    tokens = taken.view.prompt_tokens.value
    size = f"{figures.exact(tokens)} tokens"
    if _CODE_WORD in taken.answer.lower():
        return Point(name, True, True, f"found its way in {size}")
    said = f"lost the thread in {size}: answered {_short(taken.answer)}"
    remedy = "use a model with a longer trained context, or load it with a larger window"
    return Point(name, False, True, said, remedy)


def speed(taken: Taken) -> Point:
    """The first answer comes before one gives up, and the others in reasonable time."""
    view = taken.view
    reading, writing = view.prefill_tokens_per_s.value, view.tokens_per_s.value
    if reading is None and view.prompt_tokens.value and view.prefill_s.value:
        reading = view.prompt_tokens.value / view.prefill_s.value  # all of it was new
    if not reading:
        said = "not measured: the long prompt got no answer"
        return Point("speed", None, True, said, "see the points above")
    first_s = CLAUDE_PROMPT_TOKENS / reading
    said = f"about {figures.seconds(first_s)} to Claude Code's first word"
    if writing:
        said += f", then {figures.rate(writing)} tokens/s"
    good = first_s <= FIRST_ANSWER_S and (writing is None or writing >= SPEED_NEEDED)
    remedy = (
        "use a smaller or mixture-of-experts model, or send less (`--tools`, fewer MCP servers)"
    )
    return Point("speed", good, True, said, "" if good else remedy)


def _failed(taken: Taken) -> tuple[str, str] | None:
    """The fault and its remedy, when there was no proper answer at all."""
    view = taken.view
    if view.ttft_s.value is not None and (taken.answer or taken.tool_calls):
        return None
    if view.stop_reason == "max_tokens":
        said = f"only thought, for all of {MAX_TOKENS} tokens"
        return said, "turn thinking down, or use an instruct variant"
    return view.reason or "an empty answer", "see the server's log, then try again"


def _wrong(call: tuple[str, str]) -> str:
    """The fault of a tool call; empty when there is none."""
    name, raw = call
    schemas = {tool["name"]: tool["input_schema"] for tool in TOOLS}
    if name not in schemas:
        return f"called a tool that there is not: {_short(name)}"
    try:
        jsonschema.validate(json.loads(raw or "{}"), schemas[name])
    except ValueError:
        return f"the input of its call is not JSON: {_short(raw)}"
    except jsonschema.ValidationError as error:
        return f"the input of its call is wrong: {error.message}"
    return ""


def _short(text: str) -> str:
    line = " ".join(text.split()) or "nothing"
    return line if len(line) <= 60 else line[:59] + "…"
