"""Settings: typed, each with its explanation; the docstring below a field is its documentation.

`docs/configuration.md` is made from it.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from anyclaude_tui.config.request_settings import LIMITS, Count, RequestSettings, Seconds

Size = Annotated[int, msgspec.Meta(gt=0)]


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[limits]`: deadlines and bounds of a request; times in seconds, sizes in bytes."""

    keepalive_s: Seconds = 10.0
    """While the backend is silent the client gets a keepalive this often."""
    commit_s: Seconds = 5.0
    """The time for which a real HTTP error status stays possible: after this long without an answer
    the reply begins (200 and message_start), so that keepalives can be sent."""
    first_byte_s: Seconds = 900.0
    """The backend's first delta must come within this time: local prefill is slow."""
    between_deltas_s: Seconds = 60.0
    """Once decoding, a longer silence is a stall: the reply is ended and says so.
    While a tool call is generated many servers send nothing: see tool_call_s."""
    tool_call_s: Seconds = 600.0
    """Longest silence after a backend that sends tool calls whole (mlx_lm) went quiet
    in a request with tools."""
    connect_s: Seconds = 10.0
    """Time to connect to the backend."""
    client_stall_s: Seconds = 600.0
    """A client that reads nothing for this long is taken as gone."""
    recover_s: Seconds = 300.0
    """The time that a request waits for a backend that died to come back."""
    queue_s: Seconds = 1800.0
    """Longest wait in the queue."""
    retries: Annotated[int, msgspec.Meta(ge=0)] = 2
    """The number of times that a request that showed nothing yet is sent again by itself."""
    max_body_bytes: Size = 32 * 1024 * 1024
    """A larger request is refused with 413."""
    max_event_bytes: Size = 8 * 1024 * 1024
    """A larger single event from the backend ends the reply as malformed."""

    def of(self, wanted: RequestSettings) -> Limits:
        """The limits of a backend, which may have some of its own."""
        own = {name: getattr(wanted, name) for name in LIMITS}
        own = {name: value for name, value in own.items() if value is not None}
        return msgspec.structs.replace(self, **own) if own else self


Port = Annotated[int, msgspec.Meta(ge=0, le=65535)]


class BackendSettings(RequestSettings, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[backends.NAME]`: one backend; NAME is what --backend and the screens call it. A key is
    for the kinds that can do something with it: the settings screen lists those."""

    kind: str
    """One of simulator, mlx_lm, vllm_mlx, llama_cpp, lmstudio, openai, anthropic."""
    url: str | None = None
    """Base URL of a server that runs already (openai, anthropic, lmstudio). A password or a
    query in it goes with every request, and is shown nowhere."""
    model: str | None = None
    """Model path or name. mlx_lm, vllm_mlx and llama_cpp: what to start; others: what to ask for
    (the first one listed when not given)."""
    api_key: str | None = msgspec.field(default=None)
    """Key for the server; `env:NAME` reads it from the environment."""
    port: Port | None = None
    """Port for a server that we start; a free one when not given."""
    profile: str | None = None
    """simulator: fast or slow."""
    context_window: Count | None = None
    """Context window in tokens, where the backend does not tell."""
    slots: Count | None = None
    """Requests at once. When not given: what the server says, else what is known of its kind, else
    what is measured, else 1. The screens say which."""
    args: tuple[str, ...] = ()
    """More arguments for a server that we start. Paths in them are absolute: it runs in a folder
    of ours, where no modules but its own are found."""
    launcher: tuple[str, ...] = ()
    """Put before the command, for example ["mlx.launch", "--hostfile", "/path/to/hosts.json"]."""
    python: str | None = None
    """The Python that has mlx_lm, vllm_mlx or xllamacpp; the one that runs us when not given."""
    env: dict[str, str] = msgspec.field(default_factory=dict)
    """More environment for a server that we start; `env:NAME` passes on one of yours. It
    inherits no variables that hold keys, tokens or passwords."""
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    """More headers of every request to a server that runs already; they take the place of ours.
    `env:NAME` reads a value from the environment. They are shown nowhere."""

    def wanted(self, tools: ToolSettings) -> RequestSettings:
        """The settings for every request to it; `tools` where it says nothing itself."""
        own = {name: getattr(self, name) for name in RequestSettings.__struct_fields__}
        for name in ToolSettings.__struct_fields__:
            own[name] = getattr(tools, name) if own[name] is None else own[name]
        return RequestSettings(**own)


class ToolSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[tools]`: what the model gets of the client's tools; all of them, as they are, unless
    you say otherwise."""

    leave_out: tuple[str, ...] = ()
    """Names of tools that the model is not offered; `*` stands for anything, as in
    mcp__github__*. A conversation keeps what it began with, because its prompt cache would be
    lost: a change counts from the next one on. A call of such a tool is answered as one that
    does not exist; a request that insists on one (tool_choice) gets it."""
    shorten_descriptions: bool = False
    """Of each tool's description the first paragraph, of each parameter's the first sentence."""


class ProxySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[proxy]`: where it listens."""

    host: str = "127.0.0.1"
    """Loopback address to listen on; anything else is refused."""
    port: Port = 0
    """0 takes a free port."""
    token: str | None = None
    """The session's token; a random one when not given."""
    stable_front: str = "static"
    """One of off, static, full. What is the same in every conversation of a folder (environment,
    agents, skills) stands before what is not, in the same words: static puts it before the user's
    first words, so that a new conversation is not read from there on again; full also moves what
    names the folder out of the system text, so that another folder shares the tools."""


class CacheSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[cache]`: the prompt cache of servers that we start, kept on disk for the next start."""

    disk: bool = False
    """Keep it in ~/.anyclaude/prompt-cache/, so that a start does not read the prompt again. From
    these files what you and the model said can be worked out; they are yours alone (0600), and
    leave this machine only with your backups. Off until you choose."""
    max_gb: Annotated[float, msgspec.Meta(gt=0)] = 8
    """All of it together stays below this many GiB, the newest kept."""
    max_days: Count = 7
    """Older files are removed."""


class WarmingSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[warming]`: the prompt is read before you ask, when a local backend has become ready."""

    enabled: bool = True
    """After a start, a switch, a restart or a change of model the running conversation is read,
    else the beginning of this folder's last one. Your own requests go first; none is made while
    memory is short or the battery low."""
    agents: bool = False
    """Subagents' prompts too."""


class ClaudeSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[claude]`: how Claude Code is started."""

    command: str | None = None
    """Path of `claude`; found on PATH when not given."""
    args: tuple[str, ...] = ()
    """Arguments before those given after `--`."""
    env: dict[str, str] = msgspec.field(default_factory=dict)
    """More environment for Claude Code; stronger than our own."""
    fetch_check: bool = False
    """Before WebFetch fetches a page, Claude Code asks Anthropic's server whether the domain is
    safe. false: only where the backend is such a service; the check names each domain to
    Anthropic, and without it nothing could be fetched offline."""


class RoleSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[roles]`: other backends for some requests (a hybrid); the active one when not given."""

    background: str | None = None
    """Backend for Claude Code's background requests (titles, summaries)."""
    subagent: str | None = None
    """Backend for subagents."""


class DiscoverySettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[discovery]`: where to look besides the usual places."""

    model_folders: tuple[str, ...] = ()
    """Folders with models on disk, besides ~/models and those of Hugging Face, LM Studio,
    llama.cpp, Ollama."""
    ports: tuple[int, ...] = ()
    """Ports where a model server may answer, besides 1234, 8000 to 8002, 8080,
    8081, 8095, 10240, 11434 and 30000."""


STABLE_FRONTS = ("off", "static", "full")
SEARCH_PROVIDERS = ("off", "searxng", "brave", "tavily", "ddgs")


class SearchSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[search]`: who answers Claude Code's web searches. A query leaves this machine, and
    nothing else of the conversation does; off until you choose."""

    provider: str = "off"
    """One of off, searxng (a server of your own, url), brave, tavily (with api_key), ddgs
    (public engines without a key; the extra `search`). With any but off, queries leave this
    machine."""
    url: str | None = None
    """Address of the SearXNG server; for brave and tavily of what stands in their place."""
    api_key: str | None = None
    """Key for the provider; `env:NAME` reads it from the environment."""
    results: Annotated[int, msgspec.Meta(ge=1, le=20)] = 8
    """Results of one search."""
    timeout_s: Seconds = 15.0
    """A search that takes longer is given up, and the model is told so."""


class LogSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[logs]`: the journal, the traces and the servers' logs."""

    debug: Annotated[int, msgspec.Meta(ge=0, le=3)] = 0
    """0 to 3, as ANYCLAUDE_DEBUG: 1 timing and errors, 2 also every step, 3 also a trace
    per request."""
    requests: bool = True
    """Write one line per request to request-logs/."""
    max_mb: Count = 256
    """All files of one kind together stay below this many MB; the newest is never pruned."""
    max_days: Count = 30
    """Older files are removed."""


PANELS = ("now", "backend", "session", "trend", "requests", "why")
PLACES = ("auto", "right", "below")
NOTIFIED = ("bell", "osc9", "osc777", "off")


class DashboardSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`[dashboard]`: how it looks."""

    theme: str = "auto"
    """A theme's name; the palette lists them. "auto" is dark or light as the terminal is, on
    its own ground, and follows it when it changes."""
    leader: str = "ctrl+right_square_bracket"
    """The one key chord that the pane does not get: it opens the dashboard's own commands."""
    colours: bool = True
    """false: shades of grey only, as with NO_COLOR."""
    panels: tuple[str, ...] = PANELS
    """The panels that are shown, in their order."""
    panels_at: str = "auto"
    """Their place: right of the pane, below it, or auto, as the window is."""
    panel_columns: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Columns of the panels at the right; 0 is as the window is."""
    panel_area_rows: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Rows of the panels below; 0 is as the window is."""
    panel_rows: dict[str, Annotated[int, msgspec.Meta(ge=1)]] = msgspec.field(default_factory=dict)
    """Rows of single panels: now = 14; the dashboard writes it when you resize one."""
    notify: str = "bell"
    """The way that you are told of what is worth it: bell, osc9 or osc777 (a notification of the
    terminal's, where it has them), off."""
    notify_answer_s: Annotated[float, msgspec.Meta(ge=0)] = 30.0
    """Tell when an answer ends that took longer, while the window is not focused; 0: never."""
    notify_backend: bool = True
    """Tell when a backend dies."""
    notify_switch: bool = True
    """Tell when a switch is done."""
    motion: bool = True
    """false: the dashboard moves nothing smoothly (reduced motion)."""


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """All of `config.toml`."""

    backend: str | None = None
    """The backend to start with: a name from [backends], or KIND[:REST]."""
    backends: dict[str, BackendSettings] = msgspec.field(default_factory=dict)
    """The backends, a table for each: [backends.NAME] below."""
    keep_backends: bool = False
    """After a switch the old backend stays loaded, if both fit into memory."""
    keys: dict[str, str] = msgspec.field(default_factory=dict)
    """Other keys, as the table [keys]: NAME = KEY. NAME is a command's (zoom, backends, …; KEY is
    the character after the leader), or SCREEN.COMMAND as `?` on that screen shows them."""
    roles: RoleSettings = RoleSettings()
    discovery: DiscoverySettings = DiscoverySettings()
    proxy: ProxySettings = ProxySettings()
    limits: Limits = Limits()
    tools: ToolSettings = ToolSettings()
    cache: CacheSettings = CacheSettings()
    warming: WarmingSettings = WarmingSettings()
    claude: ClaudeSettings = ClaudeSettings()
    search: SearchSettings = SearchSettings()
    logs: LogSettings = LogSettings()
    dashboard: DashboardSettings = DashboardSettings()


SECTIONS: dict[str, type[msgspec.Struct]] = {
    "roles": RoleSettings,
    "discovery": DiscoverySettings,
    "proxy": ProxySettings,
    "limits": Limits,
    "tools": ToolSettings,
    "cache": CacheSettings,
    "warming": WarmingSettings,
    "claude": ClaudeSettings,
    "search": SearchSettings,
    "logs": LogSettings,
    "dashboard": DashboardSettings,
}
"""The tables of `config.toml`, [backends.NAME] apart."""
