"""Servers that run already. All but the simulator here are FAKES (tests/backends/fakes.py)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from anyclaude_tui.backends import attached
from anyclaude_tui.backends.base import BackendError, BackendState
from tests.backends.conftest import Make
from tests.backends.fakes import CHAT, Fake, openai, serving
from tests.support.assets import TINY_MODEL


async def started(make: Make, fake: Fake, **settings: Any) -> Any:
    backend = make(kind="openai", url=fake.url, **settings)
    await backend.start()
    return backend


@pytest.mark.parametrize("ending", ["", "/", "/v1", "/v1/", "/v1/chat/completions"])
async def test_the_url_may_be_written_in_many_ways(make: Make, ending: str) -> None:
    async with serving(openai({"id": "one"}, {"id": "two"})) as fake:
        backend = make(kind="openai", url=fake.url + ending)
        await backend.start()
        assert backend.endpoint.url == f"{fake.url}/v1/chat/completions"
        assert backend.endpoint.model == "one"
        assert not backend.status().supervised


async def test_the_configured_model_key_and_numbers(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "s3cret")
    async with serving(openai({"id": "one"}, {"id": "two", "max_model_len": 9000})) as fake:
        backend = await started(
            make, fake, model="two", api_key="env:SOME_KEY", slots=3, context_window=8000
        )
        assert backend.endpoint.model == "two"
        assert (backend.endpoint.slots.number, backend.endpoint.window_tokens) == (3, 8000)
        assert backend.endpoint.headers == {"authorization": "Bearer s3cret"}
        assert "s3cret" not in repr(backend.endpoint)
        assert all(headers["Authorization"] == "Bearer s3cret" for _, _, headers in fake.asked)


async def test_a_server_that_loads_its_model_is_waited_for(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "RECOVER_POLL_S", 0.01)
    loading = (503, {"error": {"message": "Loading model", "code": 503}})
    left = {"models": 2, "chat": 2}
    seen: list[BackendState] = []

    def once_loaded(what: str, answer: Any) -> Any:
        def route(body: Any = None) -> Any:
            seen.append(backend.status().state)
            left[what] -= 1
            return loading if left[what] >= 0 else (200, answer)

        return route

    models = {"object": "list", "data": [{"id": "m"}]}
    routes = {
        "GET /v1/models": once_loaded("models", models),
        "POST /v1/chat/completions": once_loaded("chat", CHAT),
    }
    async with serving(openai({"id": "m"}, **routes)) as fake:
        backend = make(kind="openai", url=fake.url)
        await backend.start()
    assert backend.status().state is BackendState.READY
    assert seen[0] is BackendState.STARTING
    assert BackendState.LOADING in seen


async def test_a_server_that_takes_no_tools_still_starts(make: Make) -> None:
    def chat(body: dict[str, Any]) -> tuple[int, Any]:
        return (400, {"error": "m does not support tools"}) if "tools" in body else (200, CHAT)

    async with serving(openai({"id": "m"}, **{"POST /v1/chat/completions": chat})) as fake:
        assert (await started(make, fake)).endpoint.model == "m"


async def test_vllm_tells_its_window(make: Make) -> None:
    model = {"id": "m", "owned_by": "vllm", "max_model_len": 32768}
    async with serving(openai(model)) as fake:
        endpoint = (await started(make, fake)).endpoint
        assert endpoint.window_tokens == 32768
        assert endpoint.tokenize_url


async def test_ollama_prefers_the_loaded_model(make: Make) -> None:
    running = {"models": [{"name": "b", "model": "b", "context_length": 16384}]}
    models = ({"id": "a", "owned_by": "library"}, {"id": "b", "owned_by": "library"})
    async with serving(openai(*models, **{"GET /api/ps": running})) as fake:
        endpoint = (await started(make, fake)).endpoint
        assert (endpoint.model, endpoint.window_tokens) == ("b", 16384)


async def test_mlx_lm_is_never_asked_for_another_model(make: Make) -> None:
    health = {"GET /health": {"status": "ok"}}
    fake = openai({"id": "mlx-community/other"}, {"id": str(TINY_MODEL)}, **health)
    fake.headers = {"server": "BaseHTTP/0.6 Python/3.11.7"}
    async with serving(fake):
        backend = await started(make, fake, model="mlx-community/other")
        endpoint = backend.endpoint
        assert endpoint.model == "default_model"
        assert endpoint.window_tokens == 32_768
        assert endpoint.tokenizer_dir == str(TINY_MODEL)
        assert backend.status().model == TINY_MODEL.name


@pytest.mark.parametrize(
    ("model", "routes"),
    [({"id": "m", "owned_by": "me"}, {"GET /health": {"status": "ok"}}), ({"id": "m"}, {})],
)
async def test_another_server_in_python_is_not_taken_for_mlx_lm(
    make: Make, model: dict[str, Any], routes: dict[str, Any]
) -> None:
    fake = openai(model, **routes)
    fake.headers = {"server": "BaseHTTP/0.6 Python/3.12.1"}
    async with serving(fake):
        endpoint = (await started(make, fake)).endpoint
    assert endpoint.model == "m"
    assert not endpoint.dialect.silent_tool_calls


async def test_a_simulator_that_runs_already_is_labelled(make: Make) -> None:
    simulator = make(kind="simulator", profile="fast,speed=100")
    await simulator.start()
    key = simulator.endpoint.headers["authorization"].removeprefix("Bearer ")
    backend = make(kind="openai", url=simulator.status().url, api_key=key)
    await backend.start()
    assert backend.status().simulated
    assert backend.endpoint.window_tokens == 131_072
    await backend.stop()
    assert simulator.status().state is BackendState.READY


@pytest.mark.parametrize(
    ("routes", "words"),
    [
        ({"GET /v1/models": (401, {"error": "no"})}, "refused the key .*set api_key"),
        ({"GET /v1/models": (500, {"error": "broken"})}, "HTTP 500.* It says: broken"),
        ({"GET /v1/models": {"data": []}}, "lists no model"),
        (
            {"POST /v1/chat/completions": (400, {"error": {"message": "bad model"}})},
            r"refused a short chat with model 'm' \(HTTP 400\): bad model",
        ),
    ],
)
async def test_refusals_in_words(make: Make, routes: dict[str, Any], words: str) -> None:
    async with serving(openai({"id": "m"}, **routes)) as fake:
        backend = make(kind="openai", url=fake.url)
        with pytest.raises(BackendError, match=words):
            await backend.start()
        assert backend.status().state is BackendState.FAILED
        with pytest.raises(BackendError, match="failed"):
            _ = backend.endpoint


@pytest.mark.parametrize("odd", [[], ["x"], "words", 5, None, {"data": 5}, {"data": {"id": "m"}}])
@pytest.mark.parametrize("owner", ["llamacpp", "library", "somebody"])
async def test_a_server_with_odd_answers_is_no_fault_of_ours(
    make: Make, owner: str, odd: Any
) -> None:
    """It is used as far as it is understood, or refused in words."""
    routes = {f"GET {path}": odd for path in ("/props", "/api/version", "/api/ps")}
    async with serving(openai({"id": "m", "owned_by": owner}, **routes)) as fake:
        assert (await started(make, fake)).endpoint.model == "m"
        fake.routes["GET /v1/models"] = odd
        backend = make(kind="openai", url=fake.url)
        with pytest.raises(BackendError, match="lists no model"):
            await backend.start()
    async with serving(Fake({"GET /v1/models": odd, "GET /api/v1/models": odd})) as fake:
        assert await make(kind="anthropic", url=fake.url).models() == ()


async def test_another_of_its_models_can_be_chosen(make: Make) -> None:
    async with serving(openai({"id": "a"}, {"id": "b"})) as fake:
        backend = await started(make, fake)
        assert backend.endpoint.model == "a"
        await backend.load_model("b")
        assert backend.endpoint.model == "b"
        assert fake.bodies("POST /v1/chat/completions")[-1]["model"] == "b"
        chat = fake.routes["POST /v1/chat/completions"]
        fake.routes["POST /v1/chat/completions"] = (404, {"error": "no such model"})
        with pytest.raises(BackendError, match="no such model"):
            await backend.load_model("c")
        fake.routes["POST /v1/chat/completions"] = chat
        await backend.start()
        assert backend.endpoint.model == "b"


async def test_nothing_there(make: Make) -> None:
    with pytest.raises(BackendError, match=r"nothing answers at http://127.0.0.1:9: start the"):
        await make(kind="openai", url="http://127.0.0.1:9/v1").start()
    with pytest.raises(BackendError, match="openai needs a URL"):
        make(kind="openai")
    with pytest.raises(BackendError, match=r"\$NO_SUCH_KEY is not set"):
        await make(kind="openai", url="http://127.0.0.1:9", api_key="env:NO_SUCH_KEY").start()


async def test_it_is_waited_for_when_it_goes_away(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attached, "RECOVER_POLL_S", 0.02)
    async with serving(openai({"id": "m"})) as fake:
        backend = await started(make, fake)
        port = int(fake.url.rpartition(":")[2])
    recovering = asyncio.create_task(backend.recover())
    while backend.status().state is not BackendState.DEGRADED:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    async with serving(fake, port):
        await recovering
    assert backend.status().state is BackendState.READY
    monkeypatch.setattr(attached, "RECOVER_S", 0.0)
    with pytest.raises(BackendError, match="nothing answers"):
        await backend.recover()
    assert backend.status().state is BackendState.FAILED


async def test_messages_pass_through_with_their_own_headers(make: Make) -> None:
    listed = {"data": [{"id": "claude-x", "display_name": "Claude X"}]}
    async with serving(Fake({"GET /v1/models": listed})) as fake:
        backend = make(kind="anthropic", url=fake.url, api_key="k")
        await backend.start()
        endpoint = backend.endpoint
        assert endpoint.native
        assert endpoint.url == f"{fake.url}/v1/messages"
        assert endpoint.headers == {"anthropic-version": "2023-06-01", "x-api-key": "k"}
        assert endpoint.model == ""
        assert endpoint.window_tokens is None  # a server of somebody's: nobody has told it
        assert backend.status().model is None
        (model,) = await backend.models()
        assert model.detail == "Claude X"


async def test_a_remote_messages_service_needs_a_key(make: Make) -> None:
    with pytest.raises(BackendError, match="needs a key: set api_key"):
        await make(kind="anthropic").start()


async def test_a_wrong_key_is_told(make: Make) -> None:
    error = {"type": "error", "error": {"type": "authentication_error", "message": "bad key"}}
    async with serving(Fake({"GET /v1/models": (401, error), "x": CHAT})) as fake:
        with pytest.raises(BackendError, match=r"bad key.*: correct api_key"):
            await make(kind="anthropic", url=fake.url, api_key="k").start()
