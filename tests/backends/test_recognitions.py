"""Every server by its name: a recorded answer of each, and what is made of it.

`recorded` answers were kept from the real server in the version that they name; the others are
written from its documentation.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from anyclaude_tui.backends.base import BackendError, BackendState
from anyclaude_tui.backends.discovery import discover
from anyclaude_tui.backends.recognitions import TABLE, UNKNOWN
from tests.backends.conftest import Make
from tests.backends.fakes import CHAT, Fake, openai, serving
from tests.support.assets import ASSETS, TINY_MODEL

SERVERS = ASSETS / "servers"
MESSAGE = {"type": "message", "content": [{"type": "text", "text": "x"}]}


def recorded(name: str, **more: Any) -> tuple[Fake, dict[str, Any]]:
    """A fake that gives the answers of a real server, and what should be made of them."""
    text = (SERVERS / f"{name}.json").read_text(encoding="utf-8")
    found = json.loads(text.replace("{MODEL}", str(TINY_MODEL)))
    routes = {**found["routes"], "POST /v1/chat/completions": CHAT, **more}
    return Fake(routes, found["headers"]), found["expected"]


ALL = sorted(path.stem for path in SERVERS.glob("*.json"))


def test_each_row_has_an_answer() -> None:
    assert {row.name for row in TABLE} - set(ALL) == {"simulator"}  # which is started in tests


@pytest.mark.parametrize("name", ALL)
async def test_a_server_is_known_by_its_answers(make: Make, name: str) -> None:
    fake, expected = recorded(name, **{"POST /v1/messages": MESSAGE})
    async with serving(fake):
        port = int(fake.url.rpartition(":")[2])
        offers = (await discover(ports=[port], app_ports=[])).offers
        offers = tuple(offer for offer in offers if offer.running)
        assert offers[0].title == f"{expected['title']} at 127.0.0.1:{port}"
        assert offers[0].window_tokens == expected["window_tokens"]
        assert [offer.spec.partition(":")[0] for offer in offers[1:]] == (
            ["anthropic"] if expected["native"] else []
        )
        backend = make(kind="openai", url=fake.url)
        (finding, *_) = await backend.look()
        assert finding.words.startswith(f"{expected['title']} at {fake.url}, ")
        await backend.start()
        assert backend.status().server == expected["title"]
        assert backend.endpoint.window_tokens == expected["window_tokens"]
        if "slots" in expected:
            assert backend.endpoint.slots.number == expected["slots"]


@pytest.mark.parametrize("name", ["rapid-mlx", "mlx-vlm"])
async def test_a_good_messages_endpoint_is_asked_by_the_models_own_name(
    make: Make, name: str
) -> None:
    """They refuse `claude-…`, or answer under a name that is not theirs."""
    fake, expected = recorded(name, **{"POST /v1/messages": MESSAGE})
    async with serving(fake):
        backend = make(kind="anthropic", url=fake.url)
        await backend.start()
        endpoint = backend.endpoint
        assert endpoint.native
        assert endpoint.model == fake.bodies("POST /v1/messages")[0]["model"] == str(TINY_MODEL)
        assert endpoint.window_tokens == expected["window_tokens"]
        assert backend.status().server == expected["title"]
        fake.routes["POST /v1/messages"] = (500, {"error": "not today"})
        other = make(kind="anthropic", url=fake.url, name="other")
        with pytest.raises(BackendError, match=r"\(not today\): use openai:http"):
            await other.start()


async def test_mlx_vlm_is_better_with_its_prompt_cache(make: Make) -> None:
    fake, _ = recorded("mlx-vlm")
    health = fake.routes["GET /health"]
    async with serving(fake):
        backend = make(kind="openai", url=fake.url)
        await backend.start()
        assert not any("APC_ENABLED" in words for words in backend.status().warnings)
        fake.routes["GET /health"] = {**health, "apc_enabled": False}
        assert any("APC_ENABLED=1" in finding.remedy for finding in await backend.look())
        await backend.restart()
        assert any("APC_ENABLED=1" in words for words in backend.status().warnings)


async def test_vllm_mlx_that_runs_already_tells_of_its_requests(make: Make) -> None:
    running = {"status": "running", "phase": "prefill", "prompt_tokens": 900, "cached_tokens": 7}
    fake, _ = recorded("vllm-mlx", **{"GET /v1/status": {"requests": [running]}})
    async with serving(fake):
        backend = make(kind="openai", url=fake.url)
        assert await backend.progress() is None
        await backend.start()
        progress = await backend.progress()
        assert (progress.prefill_total_tokens, progress.cached_tokens) == (900, 7)
        assert backend.endpoint.dialect.max_tokens_cap == 32_768


@pytest.mark.parametrize(
    ("engine", "slots"), [("batched", "4 slots (known server)"), ("simple", "1 slot (server says)")]
)
async def test_vllm_mlx_takes_as_many_as_its_engine(make: Make, engine: str, slots: str) -> None:
    fake, _ = recorded("vllm-mlx", **{"GET /health": {"engine_type": engine}})
    async with serving(fake):
        backend = make(kind="openai", url=fake.url)
        (finding, *_) = await backend.look()
        assert finding.words.endswith(slots)
        await backend.start()
        assert str(backend.endpoint.slots) == slots


async def test_a_server_that_nobody_knows(make: Make) -> None:
    async with serving(openai({"id": "m", "owned_by": "somebody"})) as fake:
        backend = make(kind="openai", url=fake.url)
        await backend.start()
        assert backend.status().server == ""
        assert await backend.progress() is None
    assert UNKNOWN not in TABLE


async def test_lm_studio_with_its_server_off_is_told() -> None:
    app = Fake({"GET /lmstudio-greeting": {"lmstudio": True}})
    async with serving(app):
        port = int(app.url.rpartition(":")[2])
        (offer,) = (await discover(ports=[], app_ports=[9, port])).offers
    assert (offer.spec, offer.title) == ("lmstudio", "LM Studio")
    assert "its server is off" in offer.detail


async def test_what_a_server_says_of_itself_is_renewed(make: Make) -> None:
    """A restart with another context, more slots, a model that sees."""
    props = {"default_generation_settings": {"n_ctx": 4096}, "total_slots": 1}
    fake, _ = recorded("llama.cpp", **{"GET /props": props})
    async with serving(fake):
        backend = make(kind="openai", url=fake.url)
        await backend.start()
        assert (backend.endpoint.window_tokens, backend.endpoint.slots.number) == (4096, 1)
        chats = len(fake.bodies("POST /v1/chat/completions"))
        larger = {"default_generation_settings": {"n_ctx": 65_536}, "total_slots": 4}
        fake.routes["GET /props"] = {**larger, "modalities": {"vision": True}}
        await backend.recover()
        assert (backend.endpoint.window_tokens, backend.endpoint.slots.number) == (65_536, 4)
        assert backend.endpoint.dialect.images
        assert len(fake.bodies("POST /v1/chat/completions")) == chats  # nothing was disturbed


async def test_another_model_at_the_same_url_is_looked_at_anew(make: Make) -> None:
    async with serving(openai({"id": "one"})) as fake:
        backend = make(kind="openai", url=fake.url)
        await backend.start()
        listed = {"data": [{"id": "two", "owned_by": "vllm", "max_model_len": 9000}]}
        fake.routes["GET /v1/models"] = listed
        await backend.recover()
        assert (backend.endpoint.model, backend.endpoint.window_tokens) == ("two", 9000)
        assert backend.status().server == "vLLM"


async def test_what_is_known_only_after_the_first_chat(make: Make) -> None:
    """A router of llama.cpp, and Ollama, load the model for it."""
    loaded = False

    def chat(_: dict[str, Any]) -> tuple[int, Any]:
        nonlocal loaded
        loaded = True
        return 200, CHAT

    def props(_: dict[str, Any]) -> tuple[int, Any]:
        return 200, {"default_generation_settings": {"n_ctx": 40_960 if loaded else 0}}

    fake = openai(
        {"id": "m", "owned_by": "llamacpp"},
        **{"GET /props": props, "POST /v1/chat/completions": chat},
    )
    async with serving(fake):
        backend = make(kind="openai", url=fake.url)
        await backend.start()
        assert backend.endpoint.window_tokens == 40_960


async def test_a_server_that_fails_at_the_first_chat_is_warned_of(make: Make) -> None:
    failing = {"POST /v1/chat/completions": (500, {"error": "no token"})}
    async with serving(openai({"id": "m"}, **failing)) as fake:
        backend = make(kind="openai", url=fake.url)
        await backend.start()
        assert backend.status().state is BackendState.READY
        assert "it failed at a short chat (no token)" in backend.status().warnings[0]
        assert fake.bodies("POST /v1/chat/completions")[0]["max_tokens"] == 8
