"""A backend, the server that runs the model, as the rest of the program sees it.

A new backend is one file with a subclass of `Backend`, and its row in `config/kinds.py`.
Nothing here knows the proxy or a screen.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.slots.source import ONE_ASSUMED, Slots
from anyclaude_tui.config.request_settings import RequestSettings

SMALL_WINDOW_TOKENS = 32_768
"""Less is impractical: see CLAUDE_CODE_PROMPT."""
CLAUDE_CODE_PROMPT = "Claude Code's own prompt is 13,000 to 23,000 tokens"
"""Measured on 2.1.332 in an empty folder, with Qwen's tokenizer: 13,275 in the terminal (tools
9,136, reminders 2,589, system 1,550) while it defers tools, 22,700 once it has stopped to; 11,940
with `-p`. CLAUDE.md, memory and the state of git come on top."""
GOOD_WINDOW_TOKENS = 65_536
"""A context window that Claude Code can work in for a while."""


class BackendState(StrEnum):
    """The states of a backend's life; `failed` and `degraded` carry a reason in words."""

    STOPPED = "stopped"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    DEGRADED = "degraded"
    STOPPING = "stopping"
    FAILED = "failed"


class BackendError(Exception):
    """A backend cannot be used; the text says why and what to do next, for a person."""


def value_of(given: str, what: str, env: Mapping[str, str] = os.environ) -> str:
    """A value of the settings; of `env:NAME` that variable's. Raises BackendError, which names
    `what`, where it is not set."""
    if not given.startswith("env:"):
        return given
    name = given.removeprefix("env:")
    if not (found := env.get(name)):
        raise BackendError(f"{what} is env:{name}, but ${name} is not set: export {name}=…")
    return found


@dataclass(frozen=True, slots=True)
class Rendering:
    """The renderer of a model's prompts: its template's text, or the server that applies it."""

    template: str = ""
    """The chat template's text."""
    tokens: Mapping[str, str] = field(default_factory=dict)
    """The special tokens that it may name."""
    url: str = ""
    """Instead: llama.cpp's `/apply-template`."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address and request form of the ready model. Immutable: a switch makes a new one."""

    url: str
    """The full URL of chat completions, or of Messages when `native`."""
    model: str
    """The model name sent upstream."""
    dialect: Dialect = field(default_factory=Dialect)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Extra request headers, secrets among them: never logged."""
    query: str = field(default="", repr=False)
    """The query string of every URL, keys among it: never logged."""
    native: bool = False
    """The server speaks the Anthropic Messages API itself (passthrough)."""
    window_tokens: int | None = None
    """The context window, where it is known."""
    slots: Slots = ONE_ASSUMED
    """Requests it works on at once, and who says so; more wait in the proxy's queue."""
    probes: Literal["", "used", "now"] = ""
    """The moments for short requests of ours: none, for somebody may have to pay; right after a
    reply of its, for else they might load a model; at once too."""
    tokenize_url: str | None = None
    """A `/tokenize` route (llama.cpp, vLLM) for exact counts."""
    tokenizer_dir: str | None = None
    """A local model directory with a `tokenizer.json`."""
    rendering: Rendering | None = None
    """The renderer to ask where the template renders earlier turns anew, so that the messages alone
    do not tell how much of a prompt stays. None: they tell, or nobody can be asked."""
    label: str = ""
    """The model as a person calls it, where `model` is not that (mlx_lm's `default_model`)."""
    model_sampling: Mapping[str, float] = field(default_factory=dict)
    """The sampling values of the model's own files (`ModelFiles.sampling`), by the names of
    `RequestSettings`; for requests that say nothing themselves."""
    wanted: RequestSettings = field(default=RequestSettings(), repr=False)
    """The user's settings for every request."""

    warms: Literal["", "whole", "sliced", "unstopped"] = ""
    """The way that a prompt may be read before it is asked: not at all; at once, because a prefill
    that is stopped leaves what it has read; in slices, because it leaves nothing; or in slices none
    of which is stopped, because the server goes on to its end when the client has left."""

    def asked_for(self, wanted: RequestSettings) -> Endpoint:
        """The endpoint with the user's settings, which also know better what the server is."""
        dialect = self.dialect
        changes: dict[str, Any] = {}
        if wanted.images is not None:
            changes["images"] = wanted.images
        if wanted.reasoning_history is not None:
            changes["reasoning_history"] = wanted.reasoning_history
        if wanted.thinking != "auto" and not (dialect.enable_thinking or dialect.reasoning_effort):
            # OpenAI's own parameter is the likeliest; a refusal of it is learnt from.
            changes |= {"reasoning_effort": True, "reasoning_off": "none"}
        if changes:
            dialect = replace(dialect, **changes)
        return replace(self, dialect=dialect, wanted=wanted)

    @property
    def server(self) -> str:
        """Server and model in one word: what one sent in confidence is for no other."""
        return f"{self.url} {self.model}"


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One model that a backend offers or that lies on disk."""

    id: str
    window_tokens: int | None = None
    loaded: bool | None = None
    size_bytes: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Progress:
    """A backend's report about a running request, besides the stream itself."""

    prefill_done_tokens: int | None = None
    prefill_total_tokens: int | None = None
    cached_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class CachePolicy:
    """The limits within which a server that we start keeps its prompt cache on disk (`[cache]`)."""

    disk: bool = False
    max_bytes: int = 8 << 30
    max_age_s: float = 7 * 86_400.0


@dataclass(frozen=True, slots=True)
class CacheFacts:
    """The counts of a server's prompt cache since its start, as the server tells them."""

    restored_tokens: int = 0
    """The longest prompt that was read from disk at the start."""
    restored_s: float = 0.0
    on_disk: bool = False
    """True if prompts that it has read are kept on disk."""
    off: str = ""
    """The reason why nothing is kept, or read ahead, in words."""
    evicted: int = 0
    """Prompts that had to leave the memory."""
    evicted_tokens: int = 0
    """Of the main conversation, since it was last asked; 0 where it is still there."""
    evicted_by: str = ""
    """The role whose request took its place: main, subagent, …; "" where it is not known."""


@dataclass(frozen=True, slots=True)
class BackendStatus:
    """One immutable look at a backend, for screens and `doctor`. None = unknown."""

    name: str
    kind: str
    state: BackendState
    reason: str = ""
    """The reason why it is failed or degraded, or its work at the moment; in words."""
    model: str | None = None
    url: str | None = None
    window_tokens: int | None = None
    slots: Slots | None = None
    server: str = ""
    """The name of the server's program, where that is known and the kind does not say it."""
    simulated: bool = False
    supervised: bool = False
    """We started it, so we stop it."""
    pid: int | None = None
    cpu_percent: float | None = None
    memory_bytes: int | None = None
    memory_pressure: float | None = None
    """The share of the machine's memory in use, 0 to 1; sampled while a server of ours runs."""
    restarts: int = 0
    """Since the session began, by itself or asked for."""
    log_tail: tuple[str, ...] = ()
    """The last lines of its output, newest last."""
    log_path: str = ""
    """The file with all of it; empty where there is none."""
    warnings: tuple[str, ...] = ()
    template: tuple[tuple[str, str], ...] = ()
    """The findings about its chat template, (subject, state); empty where nothing was found out."""
    remedy: str = ""
    """The effect of `Backend.remedy` on the warnings, in words; empty when there is none."""
    model_sampling: Mapping[str, float] = field(default_factory=dict)
    """See Endpoint."""
    wanted: RequestSettings = field(default=RequestSettings())
    """The user's settings for every request; the session knows them."""
    cache: CacheFacts | None = None
    """The counts of its prompt cache; None where it tells nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a look at a backend has found."""

    words: str
    remedy: str = ""
    """The advice to the user; empty where all is well."""
    minor: bool = False
    """It works all the same."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A program that serves models. `where` is None when it is not installed."""

    kind: str
    """The kind of backend that uses it."""
    title: str
    where: str | None
    hint: str
    """The way to install it, or to use it."""


class Backend(ABC):
    """One model server. All coroutines run on the session's loop."""

    kind: str
    simulated: bool = False
    cache_policy: CachePolicy = CachePolicy()
    """The limits of its prompt cache on disk, in force from its next start on."""
    generation: int = 0
    """A count of its server's beginnings, as far as they are seen: what was measured before the
    last one is of another server."""
    on_change: Callable[[], None] = staticmethod(lambda: None)
    """Called after each change of its state or of its endpoint, on the session's loop."""

    def __init__(self, name: str) -> None:
        """Of a kind: with the settings and our folder besides. Raises BackendError when the
        settings cannot work."""
        self.name = name

    @classmethod
    def tools(cls) -> Sequence[Tool]:
        """The programs that serve models for it. Blocks a little."""
        return ()

    @abstractmethod
    async def start(self) -> None:
        """Bring it to `ready` (it has answered a short chat). Safe to call when ready.

        Raises BackendError with the reason in words; the state is then `failed`.
        """

    @abstractmethod
    async def stop(self) -> None:
        """Stop it if we started it (its whole process group); else just let go of it."""

    @abstractmethod
    def status(self) -> BackendStatus:
        """A look at it now. Cheap: no I/O."""

    @property
    @abstractmethod
    def endpoint(self) -> Endpoint:
        """The endpoint of the model that is ready. Raises BackendError when it is not ready."""

    async def look(self) -> Sequence[Finding]:
        """The findings about it while it is not started: nothing is started or loaded.

        Raises BackendError when it cannot be used.
        """
        return (Finding("what it can do is only known once it is started"),)

    async def recover(self) -> None:
        """Called after a request met a dead or useless server: returns when it serves again.

        A supervised backend waits for its restart; others are checked once.
        Raises BackendError when it does not come back.
        """
        await self.start()

    async def settled(self) -> None:
        """Wait until a prefill whose client has left has really ended, and what it read is there
        for the next request; where that cannot be told, not at all."""
        return

    async def not_loaded(self) -> str:
        """The reason why a prompt must not be read ahead now, in words: the server would load a
        model for it, or does not answer. "" where nothing is against it."""
        return ""

    async def restart(self) -> None:
        """A cold start: what it has cached is forgotten. A server that is not ours stays up."""
        await self.stop()
        await self.start()

    async def start_bytes(self) -> int | None:
        """Memory of this machine that it takes to come up, estimated; None = not known.

        Raises BackendError or OSError where the model cannot be looked at.
        """
        return None

    async def remedy(self) -> None:
        """Do what `BackendStatus.remedy` offers. Raises BackendError."""
        raise BackendError(f"{self.name} has no remedy to offer")

    async def load_model(self, model: str, context_tokens: int | None = None) -> None:
        """Make it serve another of its models. Raises BackendError where it cannot."""
        raise BackendError(f"{self.name} serves one model: add another backend for {model}")

    async def unload_model(self, model: str) -> None:
        """Free the memory of one of its models. Raises BackendError where it cannot."""
        raise BackendError(f"{self.name} cannot unload {model}: stop it instead")

    async def models(self) -> Sequence[ModelInfo]:
        """The models it offers, an empty sequence where it cannot say."""
        return ()

    async def renew(self) -> None:
        """Look again at what may have changed: window, slots, model, vision. Cheap, and of no
        harm to what runs. Raises BackendError where it does not answer."""
        return

    def measured(self, slots: int) -> None:
        """So many requests at once were measured; counts where nobody else says a number, and
        until its server begins anew."""
        return

    async def progress(self) -> Progress | None:
        """Prefill progress and cached tokens from a side channel (`/v1/status`), if it has one.

        Polled only while a request runs. None where there is no side channel.
        """
        return None


def as_finding(warning: str) -> Finding:
    """A warning, `WHAT: REMEDY`, as a finding."""
    what, _, remedy = warning.rpartition(": ")
    return Finding(what or remedy, remedy if what else "see docs/troubleshooting.md")


def small_window(window_tokens: int | None, remedy: str) -> Sequence[Finding]:
    """The finding that a context window is too small for Claude Code, where it is."""
    if window_tokens is None or window_tokens >= SMALL_WINDOW_TOKENS:
        return ()
    words = f"a context of {window_tokens:,} tokens is too small: {CLAUDE_CODE_PROMPT}"
    return (Finding(words, remedy),)


def in_tokens(window_tokens: int | None) -> str:
    """A context window behind a model's name; nothing where it is not known."""
    return f", {window_tokens:,} tokens" if window_tokens else ""
