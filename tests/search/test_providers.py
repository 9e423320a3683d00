"""Each provider against a server on loopback that says it is a fake; what can go wrong there."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from anyclaude_tui.config.settings import SearchSettings
from anyclaude_tui.redaction import Redactor
from anyclaude_tui.search.answers import MAX_BYTES
from anyclaude_tui.search.base import Query, SearchError
from anyclaude_tui.search.searcher import Searcher
from tests.support.searxng import FakeSearXng

KEY = "key-of-the-test-1234"
ENV = {"SEARCH_KEY": KEY}


@pytest.fixture
async def fake() -> AsyncIterator[FakeSearXng]:
    async with FakeSearXng() as server:
        yield server


def searcher(url: str, provider: str = "searxng", **more: Any) -> Searcher:
    settings = SearchSettings(provider=provider, url=url, **more)
    return Searcher(settings, Redactor([KEY]).clean, ENV)


async def test_searxng(fake: FakeSearXng) -> None:
    one, other = await searcher(fake.url).search(Query("terminal emulators"))
    assert one.title == "Terminal emulators, from a fake SearXNG"
    assert one.url == "https://docs.example.org/terminal/emulators"
    assert one.age == "2026-11-02T00:00:00"
    assert other.age is None
    assert fake.queries == ["terminal emulators"]


async def test_searxng_by_its_pages_address_and_behind_a_key(fake: FakeSearXng) -> None:
    await searcher(f"{fake.url}/search/", api_key="env:SEARCH_KEY").search(Query("x"))
    assert fake.requests[0].path == "/search"
    assert fake.requests[0].headers["authorization"] == f"Bearer {KEY}"


async def test_domains_go_as_operators_and_are_kept_to(fake: FakeSearXng) -> None:
    query = Query("x", ("example.org",), ("example.net",))
    found = await searcher(fake.url).search(query)
    assert fake.queries == ["x site:example.org -site:example.net"]
    assert [one.url for one in found] == ["https://docs.example.org/terminal/emulators"]


async def test_brave(fake: FakeSearXng) -> None:
    page = {"title": "T", "url": "https://a.org/", "description": "<strong>D</strong>", "age": "2d"}
    fake.answer = lambda request: web.json_response({"web": {"results": [page]}})
    (one,) = await searcher(fake.url, "brave", api_key="env:SEARCH_KEY").search(Query("q", count=5))
    assert (one.title, one.excerpt, one.age) == ("T", "D", "2d")
    (request,) = fake.requests
    assert (request.path, dict(request.query)) == ("/web/search", {"q": "q", "count": "5"})
    assert request.headers["x-subscription-token"] == KEY


async def test_tavily(fake: FakeSearXng) -> None:
    page = {"title": "T", "url": "https://a.org/", "content": "C"}
    bodies: list[Any] = []

    def answer(request: web.Request) -> web.Response:
        bodies.append(json.loads(request._read_bytes or b""))
        return web.json_response({"results": [page]})

    fake.answer = answer
    asked = searcher(fake.url, "tavily", api_key=KEY)
    (one,) = await asked.search(Query("q", ("a.org",), ("b.org",)))
    assert one.excerpt == "C"
    assert bodies[0]["include_domains"] == ["a.org"]
    assert bodies[0]["exclude_domains"] == ["b.org"]
    assert fake.requests[0].headers["authorization"] == f"Bearer {KEY}"


class FakeLibrary(types.ModuleType):
    """Stands for the library `ddgs`, which would ask search engines on the internet."""

    failure: Exception | None = None

    class DDGS:
        def __init__(self, timeout: int) -> None:
            pass

        def text(self, query: str, max_results: int) -> list[dict[str, str]]:
            if FakeLibrary.failure is not None:
                raise FakeLibrary.failure
            return [{"title": f"fake: {query}", "href": "https://a.org/", "body": "B"}]


class RatelimitException(Exception):
    """Named as the library's."""


async def test_ddgs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ddgs", FakeLibrary("ddgs"))
    asked = searcher("", "ddgs")
    (one,) = await asked.search(Query("q"))
    assert (one.title, one.url, one.excerpt) == ("fake: q", "https://a.org/", "B")
    for failure, code in ((RatelimitException("202"), "too_many_requests"),
                          (OSError("no route"), "unavailable")):  # fmt: skip
        monkeypatch.setattr(FakeLibrary, "failure", failure)
        with pytest.raises(SearchError) as failed:
            await asked.search(Query("q"))
        assert failed.value.code == code
    monkeypatch.setattr(FakeLibrary, "failure", Exception("No results found."))
    assert await asked.search(Query("q")) == ()


async def test_ddgs_that_is_not_installed_says_how(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ddgs", None)
    with pytest.raises(SearchError, match="pip install") as failed:
        await searcher("", "ddgs").search(Query("q"))
    assert not failed.value.sent


def respond(status: int = 200, text: str = "", **headers: str) -> web.Response:
    return web.Response(status=status, text=text, headers=headers)


BAD: dict[str, tuple[web.Response, str, str]] = {
    "page": (respond(text="<!doctype html><p>log in"), "a web page where JSON", "unavailable"),
    "no JSON": (respond(text="oops"), "not JSON", "unavailable"),
    "a list": (respond(text="[1]"), "not a search result", "unavailable"),
    "an error": (respond(text='{"error": "bad"}'), "not a search result", "unavailable"),
    "deep": (respond(text="[" * 100_000), "not JSON", "unavailable"),
    "too large": (respond(text='"' + "x" * MAX_BYTES + '"'), "more than", "unavailable"),
    "busy": (respond(429, **{"Retry-After": "30"}), "again in 30 s", "too_many_requests"),
    "no key": (respond(401), "api_key", "unavailable"),
    "no json allowed": (respond(403), "search.formats", "unavailable"),
    "broken": (respond(500, "<h1>"), "HTTP 500", "unavailable"),
    "to this machine": (
        respond(302, Location="http://127.0.0.1:1/a?q=1"), "redirects to 127.0.0.1", "unavailable",
    ),
    "to a network": (
        respond(307, Location="http://u:secret@10.0.0.1/"), "redirects to 10.0.0.1,", "unavailable",
    ),
    "to nowhere": (respond(301), "redirects to another path", "unavailable"),
    "silent engines": (
        respond(text='{"results": [], "unresponsive_engines": [["duck", "timeout"]]}'),
        "did not answer it: duck", "unavailable",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
async def test_what_goes_wrong_is_said(fake: FakeSearXng, case: str) -> None:
    answer, words, code = BAD[case]
    fake.answer = lambda request: answer
    with pytest.raises(SearchError, match=words) as failed:
        await searcher(fake.url).search(Query("q"))
    assert failed.value.code == code
    assert failed.value.sent
    assert "secret" not in str(failed.value)
    assert len(fake.requests) == 1


async def test_nothing_found_is_no_error(fake: FakeSearXng) -> None:
    fake.pages = []
    assert await searcher(fake.url).search(Query("q")) == ()


async def test_a_server_that_never_answers_is_given_up(fake: FakeSearXng) -> None:
    fake.wait_s = 3600
    with pytest.raises(SearchError, match="did not answer"):
        await searcher(fake.url, timeout_s=0.05).search(Query("q"))


async def test_a_server_that_is_not_there(fake: FakeSearXng) -> None:
    await fake.__aexit__()
    with pytest.raises(SearchError, match="cannot be reached"):
        await searcher(fake.url).search(Query("q"))
    await fake.__aenter__()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (SearchSettings(), "off"),
        (SearchSettings(provider="searxng"), "needs url"),
        (SearchSettings(provider="brave"), "needs api_key"),
        (SearchSettings(provider="tavily", api_key="env:NOT_THERE"), "NOT_THERE"),
    ],
)
async def test_what_is_not_set_up_says_so_at_once(settings: SearchSettings, words: str) -> None:
    with pytest.raises(SearchError, match=words) as failed:
        await Searcher(settings, Redactor().clean, ENV).search(Query("q"))
    assert not failed.value.sent


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (f"why does {KEY} fail", "invalid_tool_input"),
        ("error with sk-ant-" + "a1" * 20, "invalid_tool_input"),
        ("postgres://app:hunter2hunter2@db/x does not connect", "invalid_tool_input"),
        ("word " * 100, "query_too_long"),
        (" ", "invalid_tool_input"),
    ],
)
async def test_what_must_not_leave_does_not(fake: FakeSearXng, text: str, code: str) -> None:
    with pytest.raises(SearchError) as refused:
        await searcher(fake.url).search(Query(text))
    assert (refused.value.code, refused.value.sent, fake.requests) == (code, False, [])


async def test_other_settings_hold_from_the_next_search_on(fake: FakeSearXng) -> None:
    asked = searcher(fake.url)
    asked.apply(SearchSettings())
    with pytest.raises(SearchError):
        await asked.search(Query("q"))
    asked.apply(SearchSettings(provider="searxng", url=fake.url))
    assert await asked.search(Query("q"))
