"""The differences between backends' chat completions: facts for the translation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

StableFront = Literal["off", "static", "full"]
"""`[proxy] stable_front`."""
MLX_LM_MODEL = "default_model"
"""Any other name makes mlx_lm.server look for another model, and drop the good one first."""
MLX_SLOTS = 4
"""mlx_lm.server batches up to 32, but every running request takes decode speed from the others;
vllm-mlx is the same."""
VLLM_MLX_MAX_TOKENS = 32_768
"""A larger `max_tokens` is refused by vllm-mlx with 400."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """The form of a backend's chat completions requests: facts about the server, no code.

    `proxy/request/openai.py` reads it to shape the request. Only parameters that a field here
    allows go upstream (`docs/protocol/mlx-lm.md`: unknown or odd ones can kill the server).
    """

    late_system: Literal["folded", "system"] = "folded"
    """The place of a system message that is not the first: marked, into the message before it, tool
    results included; or as it stands, for a server of the Messages API. Of 158 chat templates 26
    refuse one that stands, 12 drop it, 5 lose the system prompt by it, 9 move it to the front (and
    with it the cached prefix); folded, none does (rendered November 2026)."""
    stable_front: StableFront = "static"
    """Text that every conversation of a folder shares stands before the rest (`[proxy]`)."""
    first_system: Literal["system", "user"] = "system"
    """The system prompt: as such, or at the head of the first user message where the
    template knows no such role (Gemma 2)."""
    user_after_results: Literal["user", "folded"] = "user"
    """User text behind tool results: a message of its own, or part of the last result where
    the template wants an assistant behind results (Mistral's: "roles must alternate")."""
    tool_choice: Literal["object", "strings", "ignored"] = "object"
    """OpenAI's object form is taken; only none/auto/required (LM Studio); or not looked at."""
    late_tools: Literal["listed", "result"] = "listed"
    """The place of a tool that the client loads on the way: behind the others in `tools`, which
    changes the prompt before the whole conversation; or into the result of the call that has loaded
    it, and `tools` stays, for a server that lets its model call a tool that is not listed
    (llama.cpp's grammar knows the listed names only; SGLang drops other calls)."""
    images: bool = False
    """base64 image parts are understood."""
    json_schema: bool = True
    """`response_format` with a json_schema is understood."""
    stop: bool = False
    """Stop sequences are done rightly by the server; if not, the proxy does them."""
    top_k: bool = True
    enable_thinking: bool = False
    """`chat_template_kwargs` is understood, with the template's switches in it."""
    thinking_on: Mapping[str, Any] = field(default_factory=lambda: {"enable_thinking": True})
    thinking_off: Mapping[str, Any] = field(default_factory=lambda: {"enable_thinking": False})
    """The template's switches that ask for thinking and for none."""
    effort_switch: tuple[str, tuple[str, ...]] = ("", ())
    """The template's own name for the effort and its levels, the least first."""
    reasoning_effort: bool = False
    """`reasoning_effort` (low, medium, high) is understood."""
    reasoning_off: Literal["low", "none"] = "low"
    """The `reasoning_effort` for a request without thinking."""
    max_tokens_cap: int | None = None
    """The largest `max_tokens` that the server accepts."""
    max_tokens_name: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    """The name under which it wants the limit of output tokens."""
    plain_schemas: bool = False
    """Tool schemas go without `pattern`, `format` and lengths: its grammar refuses them."""
    left_out: frozenset[str] = frozenset()
    """Members of the request, or of its messages and calls, that it refuses or does not know."""
    renamed: Mapping[str, str] = field(default_factory=dict)
    """Its own names of sampling parameters, by those of `RequestSettings`."""
    reasoning_history: Literal["reasoning_content", "reasoning", "drop"] = "drop"
    """Under which name earlier thinking goes back to the model's template, if at all."""
    reasoning_required: bool = False
    """Each message with calls must have its thinking (DeepSeek, Moonshot)."""
    signed_calls: bool = False
    """Each message with calls must have a signature (Gemini 3)."""
    calls: Literal["parallel", "serial", "text"] = "parallel"
    """Earlier calls of one turn: in one message; one after the other, each with its result
    (Llama 3.1 refuses two, gpt-oss loses the second); or, where the template renders none, as
    `<tool_call>` text with the results as user text, a form that is read back as calls."""
    call_ids: Literal["own", "nine", "numbered"] = "own"
    """The ids of calls: Claude Code's, nine letters and digits (Mistral's templates refuse any
    others), or `functions.NAME:N` (Kimi K2)."""
    text_beside_calls: Literal["content", "reasoning"] = "content"
    """Text beside a call: where it belongs, or behind the thinking where the template takes
    no content beside both (gpt-oss)."""
    needs_tools: bool = False
    """The template fails, or loses earlier calls, where a request offers no tools (Hermes 2 Pro,
    Command R+, Hunyuan): one that does nothing is offered then."""
    thinks_until: tuple[str, str] = ("", "")
    """The closing tag of the thinking block that the prompt ends in and the server does not
    read itself, with thinking asked for and not; "" where the reply begins outside of one.
    What stands before a closing tag without an opener is then thinking: a call in it was
    only thought about."""
    silent_tool_calls: bool = False
    """The server sends no bytes while it generates a tool call (mlx_lm): this is no stall."""
    dead_words: tuple[str, ...] = ()
    """An error answer with one of these words means: alive but not serving, bring it back
    ("generation thread died")."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Fixed members added to every request body."""


def mlx_lm_dialect() -> Dialect:
    """The request form of mlx_lm.server (docs/protocol/mlx-lm.md)."""
    return Dialect(
        tool_choice="ignored",
        late_tools="result",
        json_schema=False,
        enable_thinking=True,
        # Messages reach the template untouched, which reads it under this name.
        reasoning_history="reasoning_content",
        silent_tool_calls=True,
        dead_words=("generation thread died",),
    )


def vllm_mlx_dialect() -> Dialect:
    """The request form of vllm-mlx (docs/protocol/vllm-mlx.md)."""
    return Dialect(
        tool_choice="strings",
        json_schema=False,
        enable_thinking=True,
        max_tokens_cap=VLLM_MLX_MAX_TOKENS,
        reasoning_history="reasoning_content",
        silent_tool_calls=True,
    )
