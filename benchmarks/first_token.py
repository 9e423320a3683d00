"""The first token: how long it takes today (an older commit) and now, in turns in one run.

    make bench-first-token [ARGS='--hidden 192 --layers 4']

The real Claude Code asks the real mlx_lm, with random weights of three kinds of prompt cache.
Ratios are what counts: both trees run on the same machine, one after the other, each case.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from anyclaude_tui.backends.mlx_server import prefixes
from anyclaude_tui.backends.mlx_server.launcher import ROLE_HEADER, WARMING
from benchmarks import first_token_llama, first_token_table, random_models
from tests.e2e.claude import Claude

ROOT = Path(__file__).resolve().parents[1]
BEFORE = "27261a6"
"""The commit before any of this."""
CHILD = Path(__file__).with_name("first_token_child.py")
READING_S = 30.0
"""The seconds that a person reads after a switch."""
SAVED_S = 12.0
"""The seconds within which a server that is quiet keeps what it has read: 4, and a look."""
SEARCH_TOKENS = 100_000
HIDDEN, LAYERS = 64, 2
"""26,000 tokens are read in about 50 s on two cores; 192 and 4 take 160 s, of which 30 s of reading
warm a quarter."""
CLAUDE_ENV = {"MAX_THINKING_TOKENS": "0", "CLAUDE_CODE_MAX_OUTPUT_TOKENS": "12"}
"""Random weights would go on to the window's end; cut off, Claude Code asks three times more, of
which nothing is measured."""
CONFIG = """
[backends.{name}]
kind = "mlx_lm"
model = "{model}"
context_window = 131072
"""
NEW = """
[cache]
disk = true
"""
PARTS = ("search", "plain", "sliding", "hybrid", "beside", "llama")
RESULTS = Path(__file__).with_name("FIRST_TOKEN.json")


@dataclass(slots=True)
class Seen:
    """The result of one tree in one case: seconds to the first token, and the share reused."""

    ttft_s: float
    reused: float
    tokens: int


@dataclass(slots=True)
class Run:
    """A tree, with a session that runs and a Claude Code to ask it."""

    tree: Path
    root: Path
    process: Any = None
    claude: Any = None
    asked: int = 0
    log: list[dict[str, Any]] = field(default_factory=list)

    async def tell(self, line: str) -> dict[str, Any]:
        """A command to the session, and its answer."""
        self.process.stdin.write(f"{line}\n".encode())
        return await self.heard()

    async def heard(self) -> dict[str, Any]:
        line = await self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the session of {self.tree} has ended: see {self.root}/stderr")
        found: dict[str, Any] = json.loads(line)
        return found

    async def ask(self, words: str, *args: str) -> Seen:
        """One `claude -p`; what its main request was like, from the journal."""
        printed = await self.claude.ask(words, *args, timeout=1200)
        for _ in range(100):
            main = [line for line in self.lines() if line["role"] == "main"]
            if len(main) > self.asked:
                break
            await asyncio.sleep(0.1)
        else:
            raise SystemExit(f"claude -p asked nothing: {printed.out} {printed.err}")
        line = main[self.asked]
        self.asked = len(main)
        prompt, cached = int(line["promptTokens"]), int(line["cachedTokens"] or 0)
        return Seen(line["ttftMs"] / 1000, cached / prompt, prompt)

    def lines(self) -> list[dict[str, Any]]:
        """The journal so far."""
        found: list[dict[str, Any]] = []
        for path in sorted((self.root / "any" / "request-logs").glob("*.jsonl")):
            found += [json.loads(line) for line in path.read_text().splitlines()]
        return found

    async def quiet(self, wanted_s: float = 3.0) -> None:
        """Wait until the work after a reply (a write to disk) is over."""
        await asyncio.sleep(wanted_s)


@asynccontextmanager
async def running(tree: Path, config: str, root: Path) -> AsyncIterator[Run]:
    """A session of a tree, in a folder of its own, with a project to ask about."""
    home = root / "any"
    home.mkdir(parents=True)
    home.chmod(0o700)
    (home / "config.toml").write_text(config)
    env = {**os.environ, "PYTHONPATH": str(tree), "ANYCLAUDE_HOME": str(home)}
    with (root / "stderr").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", str(CHILD), str(home), "a"),
            env=env, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
    run = Run(tree, root, process)
    try:
        facts = await run.heard()
        run.claude = Claude(root, facts["url"], facts["token"], **CLAUDE_ENV)
        project = run.claude.cwd
        (project / "CLAUDE.md").write_text("# Rules\nBe brief.\n")
        for command in ("init -q", "add -A", "commit -qm one"):
            git(project, command)
        yield run
        await run.tell("quit")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


def git(folder: Path, command: str) -> None:
    who = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    subprocess.run(["git", *who, *command.split()], cwd=folder, check=True, capture_output=True)


def both(model: Path) -> str:
    """Two backends of one model."""
    return "".join(CONFIG.format(name=name, model=model) for name in "ab")


async def plain(
    tree: Path, config: str, root: Path, kill: Callable[[], Awaitable[None]] | None = None
) -> dict[str, Seen]:
    """The cases of a model whose cache can be cut back. `kill`: it ends a server that is not the
    session's own, and starts it again."""
    found: dict[str, Seen] = {}
    async with running(tree, config, root) as run:
        found["cold"] = await run.ask("Say one thing about this folder.")
        await run.quiet()
        found["conversation"] = await run.ask("What else could be said, in other words?")
        await run.quiet(SAVED_S)
        await (run.tell("kill") if kill is None else kill())
        found["kill"] = await run.ask("A third question, after the end of the server.")
        project = run.claude.cwd
        (project / "CLAUDE.md").write_text("# Rules\nBe very brief.\n")
        found["CLAUDE.md"] = await run.ask("And a fourth question, about the rules.")
        git(project, "commit -qam two")
        found["commit"] = await run.ask("And a fifth question, about the commit.")
        await run.tell("switch b")
        await asyncio.sleep(READING_S)
        found["switch"] = await run.ask("And a sixth, on another backend.", "--continue")
    return found


async def second(tree: Path, config: str, root: Path) -> Seen:
    """The second conversation of a model whose cache cannot be cut back."""
    async with running(tree, config, root) as run:
        await run.ask("Say one thing about this folder.")
        return await run.ask("What else could be said, in other words?")


def search(tokens: int = SEARCH_TOKENS) -> tuple[float, float]:
    """Seconds of a look-up beside a cached prompt of so many tokens: mlx_lm's own, and ours."""
    caches: Any = importlib.import_module("mlx_lm.models.cache")
    trie = caches.PromptTrie()
    trie.add("model", [n % 900 for n in range(tokens)], "value")
    asked = [0, 1, 2, *range(900, 967)]
    times = []
    looks: list[Callable[[], Any]] = [
        lambda: trie.search("model", asked),
        lambda: prefixes.search(caches, trie._trie, "model", asked),
    ]
    for look in looks:
        began = time.monotonic()
        look()
        times.append(time.monotonic() - began)
    return times[0], times[1]


async def beside(model: Path, root: Path, *, launched: bool) -> tuple[float, float]:
    """Seconds of a cold request, and of one that meets the same prompt being read ahead."""
    from anyclaude_tui.backends import machine
    from anyclaude_tui.backends.mlx_lm import LAUNCHER

    start = [str(LAUNCHER)] if launched else ["-m", "mlx_lm", "server"]
    text = " ".join(f"word{n % 700}" for n in range(2_000))
    times: list[float] = []
    for warming in (False, True):
        port = machine.free_port()
        command = [sys.executable, *start, "--model", str(model), "--port", str(port)]
        with (root / f"server-{launched}-{warming}").open("wb") as log:
            server = await asyncio.create_subprocess_exec(
                *command, "--prefill-step-size", "512", stdout=log, stderr=log,
                env={**os.environ, "HF_HUB_OFFLINE": "1"},
            )  # fmt: skip
        try:
            times.append(await _asked(f"http://127.0.0.1:{port}", text, warming=warming))
        finally:
            server.kill()
            await server.wait()
    return times[0], times[1]


async def _asked(url: str, text: str, *, warming: bool) -> float:
    def body(words: str) -> dict[str, Any]:
        messages = [{"role": "system", "content": text}, {"role": "user", "content": words}]
        return {"model": "default_model", "messages": messages, "max_tokens": 1, "stream": True}

    chat = f"{url}/v1/chat/completions"
    async with httpx.AsyncClient(trust_env=False, timeout=1200) as client:
        while True:
            try:
                small = {**body("hi"), "messages": [{"role": "user", "content": "hi"}]}
                await client.post(chat, json=small)
                break
            except httpx.HTTPError:
                await asyncio.sleep(0.2)

        async def first(words: str, **headers: str) -> float:
            began = time.monotonic()
            async with client.stream("POST", chat, json=body(words), headers=headers) as stream:
                async for line in stream.aiter_lines():
                    if line.startswith("data:"):
                        break
            return time.monotonic() - began

        if not warming:
            return await first("a question")
        ahead = asyncio.create_task(first(".", **{ROLE_HEADER: WARMING}))
        await asyncio.sleep(1.0)
        took = await first("a question")
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)
        return took


def bench(options: argparse.Namespace) -> dict[str, Any]:
    """The parts that are wanted, the trees in turns."""
    work = Path(tempfile.mkdtemp(prefix="first-token-"))
    before = work / "before"
    add = ["git", "worktree", "add", "-q", "--detach", str(before), BEFORE]
    subprocess.run(add, cwd=ROOT, check=True)
    trees = {"before": before, "now": ROOT}
    found: dict[str, Any] = {"hidden": options.hidden, "layers": options.layers}

    def model(kind: str) -> Path:
        return random_models.make(work / kind, kind, options.hidden, options.layers)

    try:
        if "search" in options.parts:
            found["search"] = search()
        if "plain" in options.parts:
            config = both(model("plain"))
            for which, tree in trees.items():
                say(f"plain, {which}")
                given = config + (NEW if which == "now" else "")
                seen = asyncio.run(plain(tree, given, work / f"plain-{which}"))
                found[f"plain {which}"] = {name: vars_of(one) for name, one in seen.items()}
        for kind in {"sliding", "hybrid"} & set(options.parts):
            config = both(model(kind))
            for which, tree in trees.items():
                say(f"{kind}, {which}")
                one = asyncio.run(second(tree, config, work / f"{kind}-{which}"))
                found[f"{kind} {which}"] = vars_of(one)
        if "beside" in options.parts:
            read = model("plain")
            for which in trees:
                say(f"beside warming, {which}")
                launched = which == "now"
                found[f"beside {which}"] = asyncio.run(beside(read, work, launched=launched))
        if "llama" in options.parts:
            found |= first_token_llama.bench(options, trees, work)
    finally:
        subprocess.run(["git", "worktree", "remove", "--force", before], cwd=ROOT, check=False)
        if not options.keep:
            shutil.rmtree(work, ignore_errors=True)
    return found


def vars_of(seen: Seen) -> dict[str, float]:
    return {"ttft_s": round(seen.ttft_s, 3), "reused": round(seen.reused, 4), "tokens": seen.tokens}


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def main() -> None:
    """Run it, print the table, write it beside this file."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--hidden", type=int, default=HIDDEN)
    reader.add_argument("--layers", type=int, default=LAYERS)
    reader.add_argument("--llama-hidden", type=int, default=first_token_llama.HIDDEN)
    reader.add_argument("--llama-layers", type=int, default=first_token_llama.LAYERS)
    reader.add_argument("--keep", action="store_true", help="keep the folder with the logs")
    reader.add_argument(
        "--parts", nargs="*", choices=PARTS, default=PARTS,
        help="what is measured; the rest stays as FIRST_TOKEN.json has it (none: only the table)",
    )  # fmt: skip
    reader.add_argument("--merge", type=Path, nargs="*", default=(), help="other runs' results")
    options = reader.parse_args()
    found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for path in options.merge:
        found |= json.loads(path.read_text())
    if options.parts:
        found |= bench(options)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    words = first_token_table.table(found, BEFORE)
    RESULTS.with_suffix(".md").write_text(words)
    print(words)


if __name__ == "__main__":
    main()
