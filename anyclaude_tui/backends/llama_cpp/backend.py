"""llama.cpp's server with a GGUF file, started and watched by us (docs/protocol/llama-cpp.md)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from anyclaude_tui.backends import http, machine, prompt_cache
from anyclaude_tui.backends.base import (
    SMALL_WINDOW_TOKENS,
    BackendError,
    BackendStatus,
    CacheFacts,
    Endpoint,
    Finding,
    ModelInfo,
    Tool,
    as_finding,
    in_tokens,
    small_window,
)
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.flavours import profile_of, rendering_of
from anyclaude_tui.backends.http_client import Client, HttpError
from anyclaude_tui.backends.llama_cpp import program
from anyclaude_tui.backends.llama_cpp.slots import Slots as KeptSlots
from anyclaude_tui.backends.models import gguf, memory, ollama
from anyclaude_tui.backends.models.gguf import Gguf
from anyclaude_tui.backends.recognitions import LLAMA_CPP, Server, llama_cpp
from anyclaude_tui.backends.slots.source import Slots, decide
from anyclaude_tui.backends.supervision.supervised import NotServingError, SupervisedBackend
from anyclaude_tui.backends.templates.probe import NoTemplateError, followed, of_text
from anyclaude_tui.backends.templates.profile import Profile
from anyclaude_tui.backends.templates.profile_table import rows
from anyclaude_tui.config.settings import BackendSettings
from anyclaude_tui.figures import size

CHAT = "/v1/chat/completions"
CACHE_SHARE = 0.15
"""The share of the machine's memory for prompts that have left their slot; at most its own
8 GiB."""
CACHE_MIB_MOST = 8192
BATCH_TOKENS = 512
"""Progress comes once a batch; with the server's own 2,048 a slow model is silent for a minute."""
SETTLED_LOOKS, SETTLED_POLL_S = 60, 0.05
SAVING_S = 7.0
"""Seconds that the slots are given to be saved at the stop."""
_LOAD_ERROR = re.compile(
    r"\berror loading model: (?P<words>.*)|\b(?:failed|unable) to (?:load|open) .*"
)
_UNKNOWN_FLAG = re.compile(r"error: (?:invalid|unknown) argument: (\S+)")
_NO_PORT = "couldn't bind HTTP server socket"


class LlamaCppBackend(SupervisedBackend):
    """`llama-server` where it is installed, else the server in the wheel `xllamacpp`."""

    kind = "llama_cpp"
    key_variable = "LLAMA_API_KEY"

    @classmethod
    def tools(cls) -> Sequence[Tool]:
        """See Backend."""
        return (Tool(cls.kind, "llama.cpp", program.where(), program.INSTALL),)

    def __init__(self, name: str, settings: BackendSettings, home: Path) -> None:
        super().__init__(name, settings, home)
        self._path = Path(settings.model or "").expanduser().absolute()
        self._name = ollama.name_of(self._path) or gguf.stem(self._path)
        self._model: Gguf | None = None
        self._context_tokens = 0
        self._slots: KeptSlots | None = None
        self._cache = CacheFacts()

    @property
    def model_name(self) -> str:
        """See SupervisedBackend."""
        return self._name

    async def look(self) -> Sequence[Finding]:
        """See Backend: its program, its model, and whether Claude Code can work with that."""
        warnings = await self.check()
        model = self._model
        assert model is not None
        what = " ".join(filter(None, (model.quantisation, model.architecture)))
        weight = size(model.weight_bytes)
        window = self._context_tokens
        words = f"{self._name}, {what}, {weight}{in_tokens(window)}"
        profile = await self._profile(model.chat_template)
        warnings += profile.warnings if profile else ()
        return (Finding(words), *map(as_finding, warnings), *_fitness(model, window))

    async def _profile(self, template: str | None) -> Profile | None:
        """Of the template's text, while no server is there to render it."""
        if template is not None:
            base = Dialect(enable_thinking=True, reasoning_history="reasoning_content")
            with contextlib.suppress(NoTemplateError):
                return await of_text(template, {}, base, home=self.home)
        return None

    async def check(self) -> tuple[str, ...]:
        """See SupervisedBackend: the program and the model are there; the context that fits."""
        python = self.settings.python
        if not self.settings.launcher and not await asyncio.to_thread(program.is_there, python):
            place = f" for {python}" if python else ""
            raise BackendError(f"llama.cpp is not installed{place}: {program.install(python)}")
        model = await asyncio.to_thread(gguf.read, self._path)
        self._model = model
        if not model.chats:
            what = model.architecture or "unknown"
            raise BackendError(
                f"{self._path} holds no model that chats ({what}): give the file of one"
            )
        self._context_tokens, warning = _context(model, self.settings.context_window)
        self._open_slots()
        return (warning,) if warning else ()

    def _open_slots(self) -> None:
        """Open the folder on disk for the KV of its slots, if the policy allows one."""
        self._close_slots()
        self._cache = CacheFacts()
        if not self.cache_policy.disk or self.settings.launcher:
            return
        try:
            stat = self._path.stat()
            of = (self._path, stat.st_size, stat.st_mtime_ns, self._context_tokens)
            self._slots = KeptSlots(
                self.home, self.name, (*of, *self.settings.args), self.cache_policy
            )
        except OSError as error:  # others may write there: nothing is kept
            self._cache = CacheFacts(off=str(error))

    def _close_slots(self) -> None:
        if self._slots is not None:
            self._slots.close()
            self._slots = None

    async def _restored(self, client: Client) -> None:
        """Restore the KV of a slot from disk, where this model can use it."""
        if self._slots is None:
            return
        tokens, seconds = await self._slots.restore(client, self.model_name)
        self._cache = CacheFacts(restored_tokens=tokens, restored_s=seconds, on_disk=True)
        if not await self._slots.proved(client, self.model_name):
            why = "llama.cpp restores a slot of this model and then reads the prompt all the same"
            self._cache = CacheFacts(off=f"{why}: nothing is kept on disk")
            self._close_slots()

    async def stop(self) -> None:
        """See Backend; what its slots hold is written first."""
        if self._slots is not None and self._endpoint is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SAVING_S), self.client() as client:
                    await self._slots.look(client, ending=True)
        await super().stop()
        self._close_slots()

    async def settled(self) -> None:
        """See Backend: no slot works any more. A batch takes a while; a reply is not waited for."""
        with contextlib.suppress(HttpError, ValueError):
            async with self.client() as client:
                for _ in range(SETTLED_LOOKS):
                    slots = http.parts((await client.get("/slots")).json())
                    if not any(slot.get("is_processing") for slot in slots):
                        break
                    await asyncio.sleep(SETTLED_POLL_S)

    async def restart(self) -> None:
        """See Backend: what is kept on disk is forgotten too."""
        self._close_slots()
        await self.stop()
        await asyncio.to_thread(prompt_cache.clear, self.home, self.name)
        await self.start()

    def status(self) -> BackendStatus:
        """See Backend."""
        return replace(super().status(), cache=self._cache)

    async def start_bytes(self) -> int | None:
        """See Backend. The whole KV cache is taken at the start."""
        model = self._model
        if model is None:
            model = await asyncio.to_thread(gguf.read, self._path)
        window, _ = _context(model, self.settings.context_window)
        return memory.estimate_gguf(model, window).total_bytes

    def command(self, port: int) -> Sequence[str]:
        """See SupervisedBackend. Flags that `llama-server` and our program for the wheel share."""
        settings = self.settings
        cache_mib = int(machine.memory().total_bytes * CACHE_SHARE / 2**20)
        projector = _projector(self._path)
        slots = ("--parallel", str(settings.slots), "--kv-unified") if settings.slots else ()
        return [
            *settings.launcher,
            *program.command(settings.python),
            *("--model", str(self._path), "--alias", self.model_name),
            *("--host", "127.0.0.1", "--port", str(port)),
            *("--ctx-size", str(self._context_tokens)),
            *("--batch-size", str(BATCH_TOKENS)),
            *("--cache-ram", str(min(cache_mib, CACHE_MIB_MOST))),
            "--jinja",
            *slots,
            "--slots",
            *(("--slot-save-path", str(self._slots.folder)) if self._slots else ()),
            *(("--mmproj", str(projector)) if projector else ()),
            *settings.args,  # the last word on a flag is the user's
        ]

    async def connect(self, client: Client) -> Endpoint:
        """See SupervisedBackend. All routes answer 503 while it loads."""
        timeout_s = client.timeout_s
        answer = await http.short_chat(client, CHAT, self.model_name, timeout_s=timeout_s)
        http.refuse_loading(self.base_url, answer)
        if answer.status_code != 200:
            raise NotServingError(f"it refused a short chat: {http.words(answer)}")
        await self._restored(client)
        server = await llama_cpp(client, self.base_url, Server((), LLAMA_CPP, LLAMA_CPP.dialect))
        profile = await profile_of(client, server, self.model_name, None, self.home)
        self._warnings += profile.warnings if profile else ()
        self._template = tuple(rows(profile)) if profile else ()
        return Endpoint(
            url=self.base_url + CHAT,
            model=self.model_name,
            dialect=await followed(profile, server.dialect, client, CHAT, self.model_name),
            rendering=rendering_of(self.base_url, server, profile),
            window_tokens=server.window_tokens,
            slots=self._slots_told(server.slots),
            tokenize_url=server.tokenize_url,
            # A prefill whose client leaves stays in its slot (seen: 11,776 of 23,024 tokens).
            warms="whole",
        )

    def _slots_told(self, said: int | None) -> Slots:
        """Its own word, because `args` may have taken the setting's place."""
        wanted = self.settings.slots
        return decide(set_to=wanted if said in (None, wanted) else None, said=said)

    async def still_serves(self, client: Client) -> None:
        """See SupervisedBackend. A sleeping server loads again by itself."""
        answer = await client.get("/health")
        if answer.status_code != 200:
            try:
                http.refuse_loading(self.base_url, answer)
            except http.StillLoading:
                return
            raise NotServingError(http.words(answer))
        if self._slots is not None:
            await self._slots.look(client)

    async def models(self) -> Sequence[ModelInfo]:
        """The one model that it was started with."""
        model, endpoint = self._model, self._endpoint
        window = endpoint.window_tokens if endpoint else self._context_tokens or None
        size = model.weight_bytes if model else None
        return (ModelInfo(self.model_name, window, loaded=endpoint is not None, size_bytes=size),)

    def explain_exit(self, reason: str, tail: Sequence[str]) -> str:
        """See SupervisedBackend. Its last words are of no use: those before them tell."""
        python = self.settings.python
        for line in reversed(tail[-40:]):
            if _NO_PORT in line:
                return f"port {self.port} was taken by another process: start it again"
            if "No module named 'xllamacpp'" in line:
                return f"llama.cpp is not installed: {program.install(python)}"
            if unknown := _UNKNOWN_FLAG.search(line):
                return (
                    f"llama-server does not know {unknown[1]}: update it ({program.UPDATE}), or "
                    "leave that out of args"
                )
        found = [match for line in tail[-40:] if (match := _LOAD_ERROR.search(line))]
        told = next((match["words"] for match in found if match["words"]), "")
        told = told or (found[0][0] if found else "")
        if told:
            return f"the model cannot be loaded: {told}: is the download complete?"
        return reason


def _context(model: Gguf, wanted: int | None) -> tuple[int, str]:
    """The context to ask for in tokens, and a warning. The cache is taken at the start, not
    as prompts grow: where the model's own window does not fit, the largest one that does."""
    need = memory.estimate_gguf(model, wanted)
    if wanted or need.fits:
        return need.window_tokens, need.warning()
    fitting = max(need.window_that_fits, min(SMALL_WINDOW_TOKENS, need.window_tokens))
    at_least = memory.estimate_gguf(model, fitting)
    if not at_least.fits:
        return fitting, at_least.warning()
    return fitting, (
        f"of the model's context of {need.window_tokens:,} tokens {fitting:,} fit into this "
        "memory: set context_window for another"
    )


def _projector(model: Path) -> Path | None:
    """The file with which the model sees: the only one beside it, where it is the only model."""
    found = sorted(model.parent.glob("*.gguf"))
    projectors = [path for path in found if "mmproj" in path.name.lower()]
    models = [path for path in found if path not in projectors and not gguf.is_later_part(path)]
    return projectors[0] if len(projectors) == 1 and models == [model] else None


def _fitness(model: Gguf, window_tokens: int | None) -> Iterator[Finding]:
    """The findings on Claude Code's needs, from the model's header: window and chat template."""
    own = model.window_tokens or 0
    remedy = "take a model with a larger context window"
    if own >= SMALL_WINDOW_TOKENS:
        remedy = "set a larger context_window, or take a smaller model"
    yield from small_window(window_tokens, remedy)
    if model.chat_template is None:
        words = "the file has no chat template: it is a base model"
        yield Finding(words, "take the instruct version of the model")
