"""mlx_lm.server with a prompt cache that keeps more: `python launcher.py ARGS` is
`python -m mlx_lm server ARGS`.

Run by path with the backend's own Python, so it knows mlx_lm and the standard library only.
What it changes (docs/prompt-cache.md, measured on mlx_lm 0.32.2):

- the cache is searched in time linear in the prompt, and a look-up counts as a use;
- what an aborted prefill has read is kept, and a prefill that only warms gives way;
- where a cache cannot be cut back (sliding window, recurrent state), the reminders in front of
  the user's first words end a segment, so that the next conversation can begin there;
- the values of GLM's and MiniMax's calls keep their white space (`tool_values.py`);
- with a folder in ANYCLAUDE_KEEP the caches outlive the process (`disk_cache.py`).

Version and signatures are looked at first: a server that is not known runs as it is, and one
line says why.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Our folder stands first in the path of a Python that knows no -P: nothing here is meant.
    sys.path[:] = [entry for entry in sys.path if entry != __file__.rpartition("/")[0]]

import copy
import importlib
import importlib.util
import inspect
import json
import os
import signal
import threading
import time
import warnings
from pathlib import Path
from typing import Any

KEEP = "ANYCLAUDE_KEEP"
"""The variable with what `DiskCache` is given, as JSON; without it nothing is kept on disk."""
ROLE_HEADER = "X-Anyclaude-Role"
WARMING, MAIN = "warming", "main"
TESTED = ("0.32.",)
"""Versions of mlx_lm that this was measured on, by their beginning."""
MIN_TOKENS = 256
"""Less of an aborted prefill is not worth a place in the cache."""
END_S = 7.0
"""The end, writing included, within the supervisor's grace."""


def sibling(name: str) -> Any:
    """A module beside this one, which no path leads to."""
    spec = importlib.util.spec_from_file_location(
        f"_{name}", Path(__file__).with_name(f"{name}.py")
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def problem(server: Any, caches: Any) -> str:
    """The reason why this mlx_lm is not one that is known here; "" when it is."""
    version = str(getattr(server, "__version__", "?"))
    if not version.startswith(TESTED):
        return f"mlx_lm {version} is not among those it was measured on ({TESTED[0]}x)"
    wanted = {
        (caches, "LRUPromptCache", "insert_cache"): "self model tokens prompt_cache cache_type",
        (caches, "LRUPromptCache", "fetch_nearest_cache"): "self model tokens",
        (caches, "LRUPromptCache", "trim_to"): "self n_sequences n_bytes",
        (caches, "PromptTrie", "search"): "self model tokens",
        (caches, "PromptTrie", "pop"): "self model tokens",
        (caches, "PromptTrieResult", "__init__"): "self model exact shorter longer common_prefix",
        (server, "ResponseGenerator", "__init__"): "self model_provider prompt_cache",
        (server, "ResponseGenerator", "_generate"): "self",
        (server, "ResponseGenerator", "_next_request"): "self timeout",
        (server, "ResponseGenerator", "_tokenize"): "self tokenizer request args",
        (server, "BatchGenerator", "remove"): "self uids return_prompt_caches",
        (server, "BatchGenerator", "extract_cache"): "self uids",
        (server, "BatchGenerator", "_find_uids"): "self uids",
        (server, "GenerationContext", "stop"): "self",
        (server, "APIHandler", "handle_chat_completions"): "self",
        (server, "ThreadingHTTPServer", "handle_error"): "self request client_address",
        (caches, None, "save_prompt_cache"): "file_name cache metadata",
        (caches, None, "load_prompt_cache"): "file_name return_metadata",
        (caches, None, "trim_prompt_cache"): "cache num_tokens",
    }
    for (module, kind, name), names in wanted.items():
        found = getattr(module if kind is None else getattr(module, kind, None), name, None)
        if found is None or list(inspect.signature(found).parameters) != names.split():
            return f"{kind or 'cache'}.{name} of mlx_lm {version} is not the one that is known"
    cache = caches.LRUPromptCache(1)
    if not (hasattr(cache, "_trie") and hasattr(cache._trie, "_trie") and hasattr(cache, "_lru")):
        return f"LRUPromptCache of mlx_lm {version} is not the one that is known"
    return ""


def install(server: Any, caches: Any, disk_cache: Any, prefixes: Any) -> None:
    """Put our parts in the place of mlx_lm's. `disk_cache`, `prefixes`: the modules."""
    import mlx.core as mx

    given = json.loads(os.environ[KEEP]) if os.environ.get(KEEP) else None
    generator: Any = None
    ending: list[float] = []

    class Trie(caches.PromptTrie):  # type: ignore[misc]
        def search(self, model: Any, tokens: list[int]) -> Any:
            return prefixes.search(caches, self._trie, model, tokens)

    class Cache(caches.LRUPromptCache):  # type: ignore[misc]
        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, **more)
            self._trie = Trie()
            self._pop, self._lru.pop = self._lru.pop, self._popped
            self.disk: Any = None
            self.opened: Any = None
            self.main: list[int] = []
            """The prompt of the main conversation's last request."""
            self.reading = self.told = self.lost = False
            self.cli_args: Any = None

        def _popped(self) -> Any:
            """The one that goes; the main conversation's last prompt stays while others can."""
            model, tokens = self._pop()
            if self._is_main(tokens) and len(self._lru):
                kind = self._trie.get(model, tokens).cache_type
                other = self._pop()
                self._lru.push(model, tokens, kind)
                model, tokens = other
            by = generator.role if generator is not None else ""
            self.lost = self.lost or self._is_main(tokens)
            disk_cache.tell("evicted", tokens=len(tokens), main=self._is_main(tokens), by=by)
            return model, tokens

        def _is_main(self, tokens: list[int]) -> bool:
            main = self.main
            return bool(main) and tokens[: len(main)] == main

        def open(self, model: Any) -> None:
            """Read what is kept for a model, once."""
            if given is None or model == self.opened:
                return
            self.opened, self.disk, self.reading = model, None, True
            try:
                self.disk = self._disk(model, given)
            except Exception as error:
                disk_cache.tell("off", why=str(error)[:200])
            finally:
                self.reading = False

        def _disk(self, model: Any, given: dict[str, Any]) -> Any:
            if model[2] is not None:
                raise ValueError("a draft model has a cache of its own")
            name = disk_cache.fingerprint(model[:2], self.cli_args, server.__version__)
            disk = disk_cache.DiskCache(given, caches, Path(given["folder"]) / name, prefixes)
            if disk.readonly:
                disk_cache.tell("off", why="another server writes to this folder: it is only read")
            room = self.cli_args.prompt_cache_bytes or 1 << 62
            disk.read(lambda t, c, kind: self.insert_cache(model, t, c, cache_type=kind), room)
            return disk

        def fetch_nearest_cache(self, model: Any, tokens: list[int]) -> Any:
            """As mlx_lm's own; what is used is then the newest of its kind."""
            self.open(model)
            if not self.told:
                self.told = True
                disk_cache.tell("on", disk=self.disk is not None, warms=generator.stops)
            found = self._trie.search(model, tokens)
            if found.exact is not None:
                return self._used(model, found.exact), []
            short = len(found.shorter or ())
            if found.longer is not None and found.common_prefix > short:
                entry = self._trie.get(model, found.longer)
                if caches.can_trim_prompt_cache(entry.prompt_cache):
                    cache = self._used(model, found.longer)
                    prefix = min(len(tokens) - 1, found.common_prefix)
                    caches.trim_prompt_cache(cache, len(found.longer) - prefix)
                    return cache, tokens[prefix:]
            if short:
                return self._used(model, found.shorter), tokens[short:]
            return None, tokens

        def _used(self, model: Any, tokens: list[int]) -> Any:
            entry = self._trie.get(model, tokens)
            self._lru.remove(model, tokens)
            self._lru.push(model, tokens, entry.cache_type)
            return copy.deepcopy(entry.prompt_cache)

        def insert_cache(
            self, model: Any, tokens: Any, prompt_cache: Any, *, cache_type: str = "assistant"
        ) -> None:
            super().insert_cache(model, tokens, prompt_cache, cache_type=cache_type)
            if self.disk is not None and not self.reading:
                self.disk.note(tokens, prompt_cache, cache_type)

    class Batch(server.BatchGenerator):  # type: ignore[misc]
        def insert_segments(self, *args: Any, **more: Any) -> Any:
            uids = super().insert_segments(*args, **more)
            if generator.arriving:
                generator.warming.update(dict.fromkeys(uids, (generator.context, generator.queue)))
            return uids

        def remove(self, uids: Any, return_prompt_caches: bool = False) -> Any:
            """An aborted prefill leaves in the cache what it has read."""
            uids = list(uids)
            try:
                reading = [uid for uid in uids if uid in self._prompt_batch.uids]
                for cache, tokens in self.extract_cache(reading).values():
                    if len(tokens) >= MIN_TOKENS:
                        mx.eval([c.state for c in cache])
                        model = generator.model_provider.model_key
                        cache_of = generator.prompt_cache
                        cache_of.insert_cache(model, list(tokens), cache, cache_type="user")
                        disk_cache.tell("aborted", tokens=len(tokens))
            except Exception as error:
                disk_cache.tell("unkept", why=str(error)[:200])
            for uid in uids:
                _, queue = generator.warming.pop(uid, (None, None))
                if queue is not None:
                    queue.put(None)  # its client may still be there, and would wait for ever
            return super().remove(uids, return_prompt_caches)

    class Generator(server.ResponseGenerator):  # type: ignore[misc]
        def __init__(self, provider: Any, cache: Any) -> None:
            nonlocal generator
            generator = self
            cache.cli_args = provider.cli_args
            self.warming: dict[Any, tuple[Any, Any]] = {}
            self.arriving = False
            self.context: Any = None
            self.queue: Any = None
            self.role = ""
            """The role of the last request."""
            self.batch: Any = None
            self._waiting: Any = None
            self._idle_since: float | None = None
            self._trims: dict[Any, bool] = {}
            super().__init__(provider, cache)

        @property
        def stops(self) -> bool:
            """True if a prefill can be stopped: not where requests are served one by one."""
            return self.model_provider.is_batchable and self.cli_args.kv_bits is None

        def _next_request(self, timeout: float | None = None) -> Any:
            request = self._waiting or super()._next_request(timeout)
            self._waiting = None
            if request is None:
                if timeout is not None:
                    self._idle()
                return None
            self._idle_since = None
            self.role = getattr(request[1], "role", "")
            self.arriving = self.role == WARMING
            if not self.arriving and self._warms():
                self._waiting = request  # after the step that runs, and what it read is kept
                return None
            self.queue = request[0]
            return request

        def _warms(self) -> bool:
            """True if a warming prefill runs; it is asked to stop."""
            if self.batch is not None:
                alive = self.batch._find_uids(list(self.warming))
                self.warming = {uid: one for uid, one in self.warming.items() if uid in alive}
            for context, _ in self.warming.values():
                context.stop()
            return bool(self.warming)

        def _idle(self) -> None:
            disk, now = self.prompt_cache.disk, time.monotonic()
            self._idle_since = self._idle_since or now
            if disk is not None and disk.fresh:
                disk.flush(now - self._idle_since)

        def _tokenize(self, tokenizer: Any, request: Any, args: Any) -> Any:
            told = super()._tokenize(tokenizer, request, args)
            prompt, segments, kinds, state, vision = told
            if getattr(request, "role", "") == MAIN:
                self.prompt_cache.main = list(prompt)
                if self.prompt_cache.lost:
                    self.prompt_cache.lost = False
                    disk_cache.tell("asked")
            try:
                if vision is None and "user" in kinds and not self._cuts():
                    end = self._front_end(tokenizer, request, args, prompt)
                    segments, kinds = prefixes.divided(segments, kinds, end)
            except Exception as error:
                disk_cache.tell("unkept", why=str(error)[:200])
            return prompt, segments, kinds, state, vision

        def _cuts(self) -> bool:
            """True if every layer's cache of this model can be cut back anywhere."""
            key = self.model_provider.model_key
            if key not in self._trims:
                layers = server.make_prompt_cache(self.model_provider.model)
                self._trims[key] = all(type(layer).__name__ == "KVCache" for layer in layers)
            return self._trims[key]

        def _front_end(self, tokenizer: Any, request: Any, args: Any, prompt: Any) -> int:
            """The tokens that end with the reminders before the user's first words; 0: none."""
            place, front = prefixes.front_of(request.messages)
            if not front or not tokenizer.has_chat_template:
                return 0
            switches = {**self.cli_args.chat_template_args, **(args.chat_template_kwargs or {})}
            messages = [*request.messages[:place], {"role": "user", "content": front}]
            alone = tokenizer.apply_chat_template(
                messages,
                add_generation_prompt=False,
                tools=request.tools,
                tokenize=True,
                **switches,
            )
            return int(prefixes.common(list(alone), list(prompt)))

        def _generate(self) -> None:
            cache = self.prompt_cache
            super()._generate()
            if ending:
                if cache.disk is not None:
                    cache.disk.flush(0.0, END_S - (time.monotonic() - ending[0]))
                sys.stderr.flush()
                os._exit(0)  # mlx's own threads now and then abort a plain exit

    def term(*_: Any) -> None:
        ending.append(time.monotonic())
        late = threading.Timer(END_S, os._exit, [0])
        late.daemon = True
        late.start()
        raise KeyboardInterrupt  # serve_forever ends, then the generation thread

    def context(*args: Any, **more: Any) -> Any:
        generator.context = made = Context(*args, **more)
        return made

    def batch(*args: Any, **more: Any) -> Any:
        generator.batch = made = Batch(*args, **more)
        return made

    def chat(handler: Any) -> Any:
        request = completions(handler)
        request.role = handler.headers.get(ROLE_HEADER, "")
        return request

    Context, completions = server.GenerationContext, server.APIHandler.handle_chat_completions
    server.APIHandler.handle_chat_completions = chat
    handle_error = server.ThreadingHTTPServer.handle_error

    def quietly(httpd: Any, request: Any, address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that left is no fault
            handle_error(httpd, request, address)

    server.ThreadingHTTPServer.handle_error = quietly
    server.GenerationContext = context
    server.BatchGenerator = batch
    server.LRUPromptCache, server.ResponseGenerator = Cache, Generator
    if given is not None:
        os.umask(0o077)
        signal.signal(signal.SIGTERM, term)


def main() -> None:
    """The server, with our parts where mlx_lm is known."""
    # It listens on loopback only, behind us.
    warnings.filterwarnings("ignore", message="mlx_lm.server is not recommended")
    server: Any = importlib.import_module("mlx_lm.server")
    caches = importlib.import_module("mlx_lm.models.cache")
    disk_cache = sibling("disk_cache")
    values = sibling("tool_values")
    for name in values.MODULES:
        try:
            module = importlib.import_module(f"mlx_lm.tool_parsers.{name}")
        except ImportError:
            continue  # an older one, which reads no such calls
        if why := values.problem(module):
            disk_cache.tell("plain", why=why)
        else:
            values.install(module)
    why = problem(server, caches)
    if not why and any(flag in sys.argv for flag in ("--pipeline", "--draft-model")):
        why = "a draft model, or one on several machines, keeps its cache as mlx_lm does"
    if why:
        disk_cache.tell("plain", why=why)
    else:
        install(server, caches, disk_cache, sibling("prefixes"))
    server.main()


if __name__ == "__main__":
    main()
