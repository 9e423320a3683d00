"""A provider's HTTP answer, within bounds; everything that can be wrong with it in words.

Redirects are never followed: one that leads to this machine or network would be a way around
its firewall, and one that leads elsewhere would take query and key along.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

from anyclaude_tui.search.base import SearchError

MAX_BYTES = 2 * 1024 * 1024


async def ask(http: httpx.AsyncClient, name: str, request: httpx.Request) -> dict[str, Any]:
    """The JSON object that the provider `name` answers. Raises SearchError."""
    host = request.url.host
    try:
        answer = await http.send(request, stream=True, follow_redirects=False)
        try:
            body = await _read(answer, name, host)
        finally:
            await answer.aclose()
    except httpx.TimeoutException:
        raise SearchError(f"{name} at {host} did not answer in time") from None
    except httpx.HTTPError as error:
        words = str(error) or type(error).__name__
        raise SearchError(f"{name} at {host} cannot be reached: {words}") from None
    return _object(body, name, host)


def results_of(answer: dict[str, Any], name: str) -> list[Any]:
    """The results in an answer, which may be none; raises SearchError where there is no list of
    them: another service, or an error under status 200, has not found nothing."""
    found = answer.get("results")
    if not isinstance(found, list):
        raise SearchError(f"{name} answered with JSON that is not a search result: is url right?")
    return found


async def _read(answer: httpx.Response, name: str, host: str) -> bytes:
    status = answer.status_code
    if 300 <= status < 400:
        where = urlsplit(answer.headers.get("location", "")).hostname or "another path"
        raise SearchError(
            f"{name} at {host} redirects to {where}, which is not followed: set url in [search] "
            "to the address that answers itself"
        )
    if status == 429:
        after = answer.headers.get("retry-after", "")
        wait = f"; again in {after} s" if after.isdigit() else ""
        raise SearchError(
            f"{name} takes no more searches now (HTTP 429){wait}", "too_many_requests"
        )
    if status in (401, 402, 403):
        words = f"{name} at {host} refused the search (HTTP {status}): look at api_key in [search]"
        raise SearchError(words, status=status)
    if status != 200:
        raise SearchError(f"{name} at {host} failed (HTTP {status})", status=status)
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) > MAX_BYTES:
            raise SearchError(f"{name} at {host} answered with more than {MAX_BYTES} bytes")
    return bytes(body)


def _object(body: bytes, name: str, host: str) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        page = body.lstrip()[:1] == b"<"
        words = "a web page where JSON was expected" if page else "something that is not JSON"
        raise SearchError(f"{name} at {host} answered with {words}: is url right?") from None
    if not isinstance(value, dict):
        raise SearchError(f"{name} at {host} answered with JSON that is not a search result")
    return value
