"""The kinds of backend: a row for each, which is all that the rest of the program knows of one.

A new backend is one file with a subclass of `Backend`, and its row here. Nothing else compares
a kind's name: it asks the row.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from anyclaude_tui.config.request_settings import SAMPLING
from anyclaude_tui.config.settings import BackendSettings


class Rest(StrEnum):
    """The part behind the colon in `--backend KIND:REST`: the setting that it fills."""

    MODEL = "model"
    URL = "url"
    PROFILE = "profile"


class ModelChoice(StrEnum):
    """The way to another model on a backend of a kind."""

    FIXED = "fixed"
    """Not at all."""
    NAMED = "named"
    """By asking the server for it by name."""
    LOADED = "loaded"
    """The server loads and unloads them when it is told to, each with a context of its own."""
    STARTED = "started"
    """A server is started with one model: another one means another server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of backend."""

    name: str
    """As `kind` in the configuration and in front of the colon."""
    title: str
    """Its name for people."""
    backend: str
    """MODULE:CLASS of its subclass of `Backend`; imported when one is made, and not before."""
    rest: Rest
    example: str
    """Something that can stand behind the colon."""
    required: bool = False
    """Without what stands behind the colon there is no such backend."""
    started: bool = False
    """Its server is ours: started, watched, and stopped at the end."""
    choice: ModelChoice = ModelChoice.FIXED
    model_format: str = ""
    """The format of the models on disk that a server is started with."""
    prefix_cached: bool = False
    """It keeps a prompt cache: where it reports nothing, what was reused is estimated."""
    simulated: bool = False
    """No model answers."""
    searches: bool = False
    """Its service makes the web searches that a request asks for."""
    client_names: bool = False
    """True where a backend without a model of its own is asked for the client's."""
    without: frozenset[str] = frozenset()
    """Keys of `[backends.NAME]` that mean nothing to it."""

    @property
    def in_memory(self) -> bool:
        """A model is loaded into this machine's memory for us: two of them rarely fit."""
        return self.choice in (ModelChoice.LOADED, ModelChoice.STARTED)

    @property
    def spec(self) -> str:
        """The form of `--backend` for people: `KIND:REST`, in brackets what can be left out."""
        rest = "URL" if self.rest is Rest.URL else str(self.rest)
        rest = self.example if self.rest is Rest.PROFILE else rest.upper()
        return f"{self.name}:{rest}" if self.required else f"{self.name}[:{rest}]"

    def takes(self, key: str) -> bool:
        """True if a key of `[backends.NAME]` means anything to it."""
        other_side = _OF_ATTACHED if self.started else _OF_STARTED
        return key not in self.without and key not in other_side

    @property
    def how_to_set(self) -> str:
        """The line of a backend's table that it cannot do without, in words."""
        return f'set {self.rest}, for example {self.rest} = "{self.example}"'

    def lack(self, settings: BackendSettings) -> str:
        """The setting that such a backend lacks, in words; empty when none."""
        given: str | None = getattr(settings, self.rest)
        what = f"{self.rest}" if self.rest is not Rest.URL else "URL"
        bad = self.rest is Rest.URL and not (given or "").startswith(("http://", "https://"))
        if (bad and given) or (self.required and not given):
            return f"{self.name} needs a {what}"
        return ""


_OF_STARTED = frozenset({"args", "launcher", "python", "env", "port"})
_OF_ATTACHED = frozenset({"url", "api_key", "headers"})
"""Keys for servers that we start, and for those that run already."""
_NOT_MESSAGES = frozenset(
    {"min_p", "repetition_penalty", "presence_penalty", "seed", "reasoning_history", "images"}
)
"""Keys without a counterpart in the Messages API."""
_NO_MODEL = frozenset(
    {"model", "args", "launcher", "python", *SAMPLING, "reasoning_history", "images", "extra_body"}
)
"""Keys that mean nothing where no model answers."""
_PROFILE = frozenset({"profile"})

_BACKENDS = "anyclaude_tui.backends"

KINDS: dict[str, Kind] = {
    row.name: row
    for row in (
        Kind(
            name="simulator",
            title="simulator",
            backend=f"{_BACKENDS}.simulator.backend:SimulatorBackend",
            rest=Rest.PROFILE,
            example="fast|slow",
            started=True,
            prefix_cached=True,
            simulated=True,
            without=_NO_MODEL,
        ),
        Kind(
            name="mlx_lm",
            title="mlx-lm",
            backend=f"{_BACKENDS}.mlx_lm:MlxLmBackend",
            rest=Rest.MODEL,
            example="/path/to/model",
            required=True,
            started=True,
            choice=ModelChoice.STARTED,
            model_format="mlx",
            prefix_cached=True,
            without=_PROFILE | {"images"},  # it serves the text model only
        ),
        Kind(
            name="vllm_mlx",
            title="vllm-mlx",
            backend=f"{_BACKENDS}.vllm_mlx:VllmMlxBackend",
            rest=Rest.MODEL,
            example="/path/to/model",
            required=True,
            started=True,
            choice=ModelChoice.STARTED,
            model_format="mlx",
            prefix_cached=True,
            without=_PROFILE | {"seed"},
        ),
        Kind(
            name="llama_cpp",
            title="llama.cpp",
            backend=f"{_BACKENDS}.llama_cpp.backend:LlamaCppBackend",
            rest=Rest.MODEL,
            example="/path/to/model.gguf",
            required=True,
            started=True,
            choice=ModelChoice.STARTED,
            model_format="gguf",
            prefix_cached=True,
            without=_PROFILE,
        ),
        Kind(
            name="lmstudio",
            title="LM Studio",
            backend=f"{_BACKENDS}.lmstudio.backend:LmStudioBackend",
            rest=Rest.URL,
            example="http://127.0.0.1:1234",
            choice=ModelChoice.LOADED,
            prefix_cached=True,
            without=_PROFILE | {"min_p"},
        ),
        Kind(
            name="openai",
            title="OpenAI-compatible server",
            backend=f"{_BACKENDS}.openai:OpenAiBackend",
            rest=Rest.URL,
            example="http://127.0.0.1:1234/v1",
            required=True,
            choice=ModelChoice.NAMED,
            without=_PROFILE,
        ),
        Kind(
            name="anthropic",
            title="Anthropic Messages API",
            backend=f"{_BACKENDS}.anthropic:AnthropicBackend",
            rest=Rest.URL,
            example="https://api.anthropic.com",
            searches=True,
            client_names=True,
            without=_PROFILE | _NOT_MESSAGES,
        ),
    )
}
"""Every kind by its name, in the order in which they are preferred."""
DEFAULT = "simulator"
"""The kind that is taken where none is chosen."""


def model_choice(kind: str) -> ModelChoice:
    """The way to another model there; FIXED where there is no such kind."""
    row = KINDS.get(kind)
    return row.choice if row is not None else ModelChoice.FIXED


def in_memory(kind: str) -> bool:
    """True if a model is loaded into this machine's memory for us."""
    row = KINDS.get(kind)
    return row is not None and row.in_memory


def is_started(kind: str) -> bool:
    """True if a server of ours is started for it."""
    row = KINDS.get(kind)
    return row is not None and row.started


def is_prefix_cached(kind: str) -> bool:
    """True if it keeps a prompt cache."""
    row = KINDS.get(kind)
    return row is not None and row.prefix_cached


def searches(kind: str) -> bool:
    """True if its service makes web searches itself."""
    row = KINDS.get(kind)
    return row is not None and row.searches


def client_names(kind: str) -> bool:
    """True if a backend of this kind without a model of its own is asked for the client's."""
    row = KINDS.get(kind)
    return row is not None and row.client_names
