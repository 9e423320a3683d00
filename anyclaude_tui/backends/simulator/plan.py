"""The answer and the pace of the simulated server: pure, from a request to a plan.

Profiles are made after two models that people run, a large and a small one. A test, or a person,
can script each request with a `Script`: see `Script.of_request`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

import msgspec

from anyclaude_tui.backends.simulator import text

CHARS_PER_TOKEN = 4
KEY_VARIABLE = "ANYCLAUDE_SIMULATOR_KEY"
"""The variable with the key that requests must carry; none where it is not set."""
"""A simulated token is this many characters of the prompt, or one piece of the answer."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The behaviour of a simulated model."""

    name: str
    model: str
    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    reasoning_tokens: int = 0
    load_s: float = 0.0
    """From the start of the process until the first chat is worked on."""
    window_tokens: int = 131_072
    slots: int = 4
    prefill_step: int = 512
    """Tokens between two progress comments, as mlx_lm's --prefill-step-size."""
    cached_prompts: int = 10
    """Prompts kept in the prefix cache, as mlx_lm's --prompt-cache-size; 0 turns it off."""


PROFILES = {
    "fast": Profile(
        name="fast",
        model="simulated gpt-oss-20b",
        prefill_tokens_per_s=2500,
        decode_tokens_per_s=65,
        reasoning_tokens=20,
        load_s=0.3,
    ),
    "slow": Profile(
        name="slow",
        model="simulated qwen3-42b-thinking",
        prefill_tokens_per_s=250,
        decode_tokens_per_s=12,
        reasoning_tokens=120,
        load_s=1.0,
    ),
}


def parse_profile(spec: str) -> Profile:
    """A profile from `NAME[,FIELD=NUMBER…]`; `speed=N` makes all of it N times as fast.

    Example: `slow,speed=20,slots=1`. Raises ValueError in words.
    """
    name, *changes = spec.split(",")
    profile = PROFILES.get(name or "fast")
    if profile is None:
        raise ValueError(f"no simulator profile {name!r}: use one of {', '.join(PROFILES)}")
    known = {field.name for field in fields(Profile)}
    for change in changes:
        key, _, value = change.partition("=")
        try:
            number = float(value)
        except ValueError:
            raise ValueError(f"simulator profile: {change!r}: write FIELD=NUMBER") from None
        if key == "speed":
            profile = replace(
                profile,
                prefill_tokens_per_s=profile.prefill_tokens_per_s * number,
                decode_tokens_per_s=profile.decode_tokens_per_s * number,
                load_s=profile.load_s / number,
            )
        elif key in known - {"name", "model"}:
            whole = isinstance(getattr(profile, key), int)
            change_to: dict[str, Any] = {key: int(number) if whole else number}
            profile = replace(profile, **change_to)
        else:
            raise ValueError(f"simulator profile: no field {key!r}: {', '.join(sorted(known))}")
    return profile


class Script(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The changes that one request makes to the profile. All of it is optional.

    `after` counts the tokens sent before a fault happens (0: before the first).
    """

    prefill_tokens_per_s: float | None = None
    decode_tokens_per_s: float | None = None
    reasoning_tokens: int | None = None
    output_tokens: int | None = None
    """Length of the answer's text."""
    text: str | None = None
    """The answer's text itself."""
    calls: list[dict[str, Any]] | None = None
    """Tool calls to make: [{"name": …, "arguments": {…} or "raw text"}]."""
    broken_call: bool = False
    """A call that cannot be parsed: finish reason tool_calls, no calls, as mlx_lm does."""
    chunk_tokens: int = 1
    """Tokens in one data event."""
    jitter: float = 0.0
    """Share by which each token's time is moved, deterministic."""
    prompt_tokens: int | None = None
    """Taken as the prompt's size, whatever it is."""
    cached_tokens: int | None = None
    no_cache: bool = False
    """The prefix cache is neither used nor filled."""

    delay_s: float = 0.0
    """Before the answer's status line: a slow network or proxy."""
    load_s: float = 0.0
    """Silence after the headers and before prefill: a model load."""
    status: int | None = None
    """Answer with this HTTP status instead."""
    message: str = "simulated error"
    """The text of `status` and of the fault `error`."""
    fault: (
        Literal[
            "cut", "reset", "stall", "error", "malformed", "no_done", "no_finish", "die", "thread"
        ]
        | None
    ) = None
    """cut: the stream ends early, properly closed; reset: the connection breaks; stall:
    silence for `stall_s`; error: an error event; malformed: an event that is no JSON;
    no_done: all but [DONE]; no_finish: [DONE] without a finish reason; die: the process
    is killed; thread: the generation thread dies, /health says 503 from then on."""
    after: int = 0
    stall_s: float = 3600.0
    """After it, the stream goes on."""
    comments: bool = True
    """Progress comments while in prefill."""
    usage: bool = True
    """Usage when the request asks for it."""

    @staticmethod
    def of_request(body: dict[str, Any], header: str | None) -> Script | None:
        """The script in the request: the header `x-simulator`, the body's `x_simulator`, or
        `[[simulate {…}]]` in the last user text (which survives a proxy and Claude Code).

        Raises msgspec.ValidationError or DecodeError when it is wrong.
        """
        if header:
            return msgspec.json.decode(header, type=Script)
        if "x_simulator" in body:
            return msgspec.convert(body["x_simulator"], Script)
        found = re.search(r"\[\[simulate (\{.*?\})\]\]", last_user_text(body), re.DOTALL)
        return msgspec.json.decode(found[1], type=Script) if found else None


@dataclass(frozen=True, slots=True)
class Piece:
    """One data event: what it carries, and how many tokens it took to make."""

    delta: dict[str, Any]
    tokens: int


@dataclass(frozen=True, slots=True)
class Plan:
    """The whole answer, before the first byte of it is sent."""

    pieces: tuple[Piece, ...]
    finish_reason: str

    @property
    def tokens(self) -> int:
        """Output tokens, thinking and tool calls included."""
        return sum(piece.tokens for piece in self.pieces)


def prompt_text(body: dict[str, Any]) -> str:
    """The prompt as one text whose front stays the same from turn to turn."""
    parts = [json.dumps(body["tools"])] if body.get("tools") else []
    parts += [json.dumps(message) for message in body.get("messages", ())]
    return "\n".join(parts)


def last_user_text(body: dict[str, Any]) -> str:
    """The user's last text, without Claude Code's reminders."""
    for message in reversed(body.get("messages", ())):
        if message.get("role") == "user":
            written = re.sub(
                r"<system-reminder>.*?</system-reminder>", "", _content(message), flags=re.DOTALL
            ).strip()
            if written:
                return written
    return ""


def make_plan(body: dict[str, Any], profile: Profile, script: Script) -> Plan:
    """The plan of the answer to a request. Deterministic: the same request gets the same answer."""
    request = last_user_text(body)
    thinking = script.reasoning_tokens
    if thinking is None:
        wanted = body.get("chat_template_kwargs", {}).get("enable_thinking", True)
        thinking = profile.reasoning_tokens if wanted else 0
    calls = script.calls
    if calls is None:
        calls = [] if script.text is not None else _calls(body, request)
    words = text.pieces(_answer(body, request, calls, script, profile))
    made = [Piece({"reasoning": word}, 1) for word in text.thinking(thinking)]
    made += [Piece({"content": word}, 1) for word in words]
    made = _joined(made, max(1, script.chunk_tokens))
    finish = "stop"
    if script.broken_call:
        finish = "tool_calls"
    for index, call in enumerate(calls):
        made.append(_call_piece(index, call, request))
        finish = "tool_calls"
    limit = body.get("max_completion_tokens") or body.get("max_tokens") or 512
    return _limited(made, finish, int(limit))


def _answer(
    body: dict[str, Any],
    request: str,
    calls: list[dict[str, Any]],
    script: Script,
    profile: Profile,
) -> str:
    if script.text is not None:
        return script.text
    if script.output_tokens is not None:
        return text.of_length(script.output_tokens)
    if calls or script.broken_call:
        return text.BEFORE_CALL
    if _after_tool_result(body):
        return text.AFTER_RESULT
    return text.answer(request, profile.model)


def _calls(body: dict[str, Any], request: str) -> list[dict[str, Any]]:
    """The tool calls that the user's words ask for: `tool NAME {json}`, or `shell`."""
    offered = {tool.get("function", {}).get("name") for tool in body.get("tools") or ()}
    if not offered or _after_tool_result(body):
        return []
    if found := re.search(r"\btool (\w+) (\{.*\})", request, re.DOTALL):
        try:
            arguments, _ = json.JSONDecoder().raw_decode(found[2])
        except ValueError:
            arguments = found[2]
        return [{"name": found[1], "arguments": arguments}] if found[1] in offered else []
    if re.search(r"\bshell\b", request) and "Bash" in offered:
        return [{"name": "Bash", "arguments": text.SHELL_CALL}]
    return []


def _after_tool_result(body: dict[str, Any]) -> bool:
    """True if the last word is a tool's (reminders and late system texts do not count)."""
    for message in reversed(body.get("messages", ())):
        role = message.get("role")
        if role == "tool":
            return True
        if role == "assistant":
            return False
        if role == "user" and last_user_text({"messages": [message]}):
            return False
    return False


def _content(message: dict[str, Any]) -> str:
    content = message.get("content") or ""
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content if part.get("type") == "text")


def _joined(made: list[Piece], size: int) -> list[Piece]:
    """`size` neighbours of one kind become one event."""
    if size == 1:
        return made
    joined: list[Piece] = []
    for piece in made:
        last = joined[-1] if joined else None
        if last and last.tokens < size and last.delta.keys() == piece.delta.keys():
            (key,) = piece.delta
            joined[-1] = Piece({key: last.delta[key] + piece.delta[key]}, last.tokens + 1)
        else:
            joined.append(piece)
    return joined


def _call_piece(index: int, call: dict[str, Any], request: str) -> Piece:
    """A whole call in one delta, as mlx_lm sends it: silence while it is generated."""
    arguments = call.get("arguments", {})
    raw = arguments if isinstance(arguments, str) else json.dumps(arguments)
    function = {"name": call["name"], "arguments": raw}
    wrapped = {"function": function, "type": "function", "id": f"sim-{index}", "index": index}
    tokens = max(1, (len(raw) + len(call["name"])) // CHARS_PER_TOKEN)
    return Piece({"tool_calls": [wrapped]}, tokens)


def _limited(made: list[Piece], finish: str, limit: int) -> Plan:
    """The plan cut at `limit` tokens; a call that does not fit is lost, as with mlx_lm."""
    kept: list[Piece] = []
    left = limit
    for piece in made:
        if piece.tokens > left:
            (key,) = piece.delta
            if left and key != "tool_calls":
                kept.append(Piece({key: piece.delta[key]}, left))
            return Plan(tuple(kept), "length")
        kept.append(piece)
        left -= piece.tokens
    return Plan(tuple(kept), finish)
