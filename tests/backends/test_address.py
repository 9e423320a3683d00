"""What of a server's URL may be shown, and what goes with the request alone.

The servers are FAKES (tests/backends/fakes.py).
"""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from anyclaude_tui import config
from anyclaude_tui.backends.address import address, proxy_of
from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.discovery import discover
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.redaction import shown
from anyclaude_tui.session.session import Session
from tests.backends.conftest import Make
from tests.backends.fakes import Fake, LmStudio, openai, serving
from tests.support.proxy import ask_body

BASIC = "Basic bWU6aHVudGVyMg=="  # me:hunter2


def secret_url(fake: Fake, ending: str = "/v1?api_key=k3y") -> str:
    return fake.url.replace("://", "://me:hunter2@") + ending


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://me:hunter2@host:1/v1?api_key=k3y&v=1", "http://me:…@host:1/v1?api_key=…&v=…"),
        ("https://t0ken@host", "https://…@host"),
        ("openai:http://me:hun@ter2@h/v1", "openai:http://me:…@h/v1"),
        ("see http://me:x@a/ and http://b/?k=v.", "see http://me:…@a/ and http://b/?k=…"),
        ("http://host/v1", "http://host/v1"),
        ("http://host/@me?q", "http://host/@me?q"),
        ("me:hunter2@host:1/v1", "me:…@host:1/v1"),
        ("write me@example.org: why?", "write me@example.org: why?"),
    ],
)
def test_what_is_shown(url: str, words: str) -> None:
    assert shown(url) == words


def test_user_password_and_query_are_no_part_of_the_address() -> None:
    found = address("http://me:hunter%32@host:1/v1/?api_key=k3y#x")
    assert (found.base, found.query) == ("http://host:1", "api_key=k3y")
    assert found.headers == {"authorization": BASIC}
    assert "k3y" not in repr(found)
    assert address("http://[::1]:8080/v1").base == "http://[::1]:8080"


@pytest.mark.parametrize("url", ["me:hunter2@host/v1", "ftp://me:hunter2@host", "http://", "host"])
def test_what_is_no_url_is_refused_without_showing_it(make: Make, url: str) -> None:
    with pytest.raises(BackendError, match="http://") as refused:
        make(kind="openai", url=url)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("kind", ["openai", "anthropic", "lmstudio"])
async def test_the_secrets_go_with_every_question(make: Make, kind: str) -> None:
    fake = LmStudio(context=65_536) if kind == "lmstudio" else openai({"id": "m"})
    async with serving(fake):
        backend = make(kind=kind, url=secret_url(fake))
        await backend.start()
        await backend.models()
        assert all(asked[2]["Authorization"] == BASIC for asked in fake.asked)
        assert set(fake.queries) == {"api_key=k3y"}
        assert backend.status().url == fake.url
        said = f"{backend.endpoint!r} {backend.status()!r}"
    assert "hunter2" not in said
    assert "k3y" not in said
    assert "bWU6" not in said


async def test_a_key_is_stronger_than_a_password(make: Make) -> None:
    async with serving(openai({"id": "m"})) as fake:
        backend = make(kind="openai", url=secret_url(fake), api_key="other")
        await backend.start()
        assert backend.endpoint.headers == {"authorization": "Bearer other"}


async def test_what_is_said_of_a_server_that_is_not_there_has_no_secret(make: Make) -> None:
    for kind in ("openai", "anthropic", "lmstudio"):
        backend = make(kind=kind, url="http://me:hunter2@127.0.0.1:9/v1?api_key=k3y")
        with pytest.raises(BackendError, match=r"http://127\.0\.0\.1:9") as failed:
            await backend.start()
        said = f"{failed.value} {backend.status()!r}"
        assert "hunter2" not in said
        assert "k3y" not in said


async def test_a_session_on_such_a_url_says_it_nowhere(tmp_path: Path) -> None:
    """Its names, notices, journal and figures; and a request reaches the server."""
    async with serving(openai({"id": "m"})) as fake:
        spec = "openai:" + secret_url(fake)
        session = Session(Settings(), home=tmp_path, backend=spec)
        await session.start()
        try:
            await session.ready()
            headers = {"Authorization": f"Bearer {session.token}"}
            async with httpx.AsyncClient(base_url=session.url, headers=headers) as client:
                await client.post("/v1/messages", json=ask_body(stream=False))
                told = [(await client.get(path)).text for path in ("/metrics", "/health")]
            await session.switch(session.switchboard.active)  # as a screen would, by its name
            told.append(repr(session.snapshot()))
        finally:
            await session.stop()
        assert fake.asked[-1][2]["Authorization"] == BASIC
        assert set(fake.queries) == {"api_key=k3y"}
    told += [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert f"openai:{fake.url.replace('://', '://me:…@')}/v1?api_key=…" in told[2]
    for text in told:
        assert "hunter2" not in text
        assert "k3y" not in text


async def test_a_switch_to_such_a_url(tmp_path: Path) -> None:
    session = Session(Settings(), home=tmp_path, backend="simulator")
    await session.start()
    try:
        await session.ready()
        async with serving(openai({"id": "m"})) as fake:
            await session.switch("openai:" + secret_url(fake))
            assert session.switchboard.active.startswith("openai:http://me:…@127")
            assert session.snapshot().backend is not None
    finally:
        await session.stop()


async def test_requests_take_the_environments_proxy_as_the_questions_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that answers through the proxy alone is ready, so it must get the requests too."""
    async with serving(openai({"id": "m", "owned_by": "vllm"})) as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", proxy.url)
        proxy_of.cache_clear()
        session = Session(Settings(), home=tmp_path, backend="openai:http://models.example/v1")
        await session.start()
        try:
            await session.ready()
            headers = {"Authorization": f"Bearer {session.token}"}
            async with httpx.AsyncClient(
                base_url=session.url, headers=headers, trust_env=False
            ) as client:
                answer = await client.post("/v1/messages", json=ask_body(stream=False))
            assert answer.status_code == 200
        finally:
            await session.stop()
            proxy_of.cache_clear()
        assert proxy.asked[-1][0] == "POST /v1/chat/completions"
        assert proxy.asked[-1][2]["Host"] == "models.example"


@pytest.mark.parametrize(
    ("url", "env", "expected"),
    [
        ("http://127.0.0.1:1234/v1", {"http_proxy": "http://p:1"}, None),
        ("http://a.example/v1", {"http_proxy": "http://p:1"}, "http://p:1"),
        ("https://a.example/v1", {"http_proxy": "http://p:1"}, None),
        ("https://a.example/v1", {"all_proxy": "p:1"}, "http://p:1"),
        ("https://a.example/v1", {"https_proxy": "http://p:1", "no_proxy": "a.example"}, None),
        ("https://a.example/v1", {"https_proxy": "socks5://p:1"}, None),
    ],
)
def test_which_proxy(
    url: str, env: dict[str, str], expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    proxy_of.cache_clear()
    assert proxy_of(url) == expected
    proxy_of.cache_clear()


def test_a_name_without_its_secret_cannot_be_used() -> None:
    with pytest.raises(ConfigError, match="write the whole URL"):
        config.resolve("openai:http://me:…@host/v1", Settings())
    with pytest.raises(ConfigError) as unknown:
        config.resolve("opnai:http://me:hunter2@host", Settings())
    assert "hunter2" not in str(unknown.value)


async def test_a_configured_server_that_wants_a_password_is_offered_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    async with serving(openai({"id": "m"})) as fake:
        mine = {"mine": BackendSettings(kind="openai", url=secret_url(fake))}
        found = await discover(mine, ports=[int(fake.url.rpartition(":")[2])])
    assert [offer.spec for offer in found.offers if offer.running] == ["mine"]
    assert set(fake.queries) == {"api_key=k3y"}
