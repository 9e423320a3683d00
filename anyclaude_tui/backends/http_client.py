"""The control plane's client: short questions to a server, on the library of the hot path.

Answers are bounded: a list of models is a few kilobytes, and a server that sends without end, or
slowly for ever, must cost neither memory nor a start that never ends.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl

from anyclaude_tui.backends.address import proxy_of


class _NoCertificates:
    """Nobody's, for as long as the context lasts.

    aiohttp (3.14) reads those of all authorities twice while it is imported: a sixth of the CPU
    of a start, which most often has its server on this machine. `trusted` reads them where there
    is something to verify; a request that does not ask it is refused.
    """

    NAMES = ("load_default_certs", "set_default_verify_paths")

    def __enter__(self) -> None:
        self._methods = {name: getattr(ssl.SSLContext, name) for name in self.NAMES}
        for name in self.NAMES:
            setattr(ssl.SSLContext, name, lambda *_: None)

    def __exit__(self, *_: object) -> None:
        for name, method in self._methods.items():
            setattr(ssl.SSLContext, name, method)


with _NoCertificates():
    import aiohttp

ANSWER_BYTES = 4 * 1024 * 1024
QUESTION_TIMEOUT_S = 5.0
HEADER_BYTES = 64 * 1024
"""Longest header of an answer: gateways send policies of tens of kilobytes."""


@cache
def _usual_authorities() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(("http/1.1",))
    return context


def trusted(url: str) -> ssl.SSLContext | bool:
    """The TLS verification of a request to `url`, as aiohttp takes it: the usual authorities, read
    only for https, which takes 3 MB."""
    return _usual_authorities() if url.startswith("https:") else True


class HttpError(Exception):
    """A question that got no answer that could be read."""


class ConnectError(HttpError):
    """Nobody answers there."""


class TimedOut(HttpError):
    """No answer, or not the whole of it, within the time."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's answer, whole."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes
    charset: str = "utf-8"

    @property
    def text(self) -> str:
        """The body as text; what is none becomes question marks."""
        try:
            return self.content.decode(self.charset, errors="replace")
        except LookupError:
            return self.content.decode(errors="replace")

    def json(self) -> Any:
        """The JSON value in the body. Raises ValueError or RecursionError."""
        return json.loads(self.content)


class Client:
    """`async with Client(url) as client:` then `await client.get("/health")`.

    A path goes behind `base_url`; a whole URL is taken as it is. Every question raises HttpError.
    """

    def __init__(
        self,
        base_url: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        query: str = "",
        timeout_s: float = QUESTION_TIMEOUT_S,
    ) -> None:
        """`headers` and `query` go with every question; `timeout_s`: until an answer is whole."""
        self.base_url = base_url
        self.timeout_s = timeout_s
        self._headers = {"Accept-Encoding": "identity", **(headers or {})}
        self._query = parse_qsl(query, keep_blank_values=True)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Client:
        self._session = aiohttp.ClientSession(
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            max_field_size=HEADER_BYTES,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def get(self, path: str) -> Answer:
        """The answer to a GET."""
        async with self._asked("GET", path, None, {}, self.timeout_s) as response:
            return await _whole(response)

    async def post(
        self,
        path: str,
        body: Any,
        *,
        params: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """The answer to a POST; `body` is sent as JSON, and as it is where it is bytes."""
        timeout_s = self.timeout_s if timeout_s is None else timeout_s
        async with self._asked("POST", path, body, params or {}, timeout_s) as response:
            return await _whole(response)

    async def lines(self, path: str, body: Any, *, timeout_s: float) -> AsyncGenerator[str]:
        """The answer to a POST, line by line as it comes."""
        async with self._asked("POST", path, body, {}, timeout_s) as response:
            rest, size_bytes = b"", 0
            with _told():
                async for piece in response.content.iter_any():
                    size_bytes += len(piece)
                    _bound(size_bytes)
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in lines:
                        yield line.removesuffix(b"\r").decode(errors="replace")
            if rest:
                yield rest.decode(errors="replace")

    @asynccontextmanager
    async def _asked(
        self, method: str, path: str, body: Any, params: Mapping[str, str], timeout_s: float
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert self._session is not None, "only inside the context"
        url = path if path.startswith(("http://", "https://")) else f"{self.base_url}{path}"
        headers, data = dict(self._headers), None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        with _told():
            response = await self._session.request(
                method,
                url,
                params=[*self._query, *params.items()],
                data=data,
                headers=headers,
                proxy=proxy_of(url),
                ssl=trusted(url),
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_s),
            )
        try:
            if response.headers.get("Content-Encoding", "identity").lower() != "identity":
                raise HttpError("it answers compressed, unasked")
            yield response
        finally:
            response.close() if not response.content.at_eof() else response.release()


async def _whole(response: aiohttp.ClientResponse) -> Answer:
    with _told():
        body = await start_of(response, ANSWER_BYTES + 1)
    _bound(len(body))
    charset = response.charset or "utf-8"
    return Answer(response.status, response.headers, body, charset)


def _bound(size_bytes: int) -> None:
    if size_bytes > ANSWER_BYTES:
        raise HttpError(f"the answer is over {ANSWER_BYTES >> 20} MB")


@contextmanager
def _told() -> Iterator[None]:
    """An HttpError in place of what the library raises."""
    try:
        yield
    except TimeoutError as error:
        raise TimedOut("the answer was not whole in time") from error
    except aiohttp.ClientConnectorError as error:
        raise ConnectError(str(error)) from error
    except (aiohttp.ClientError, OSError, ValueError) as error:  # ValueError: a header's bytes
        raise HttpError(str(error) or type(error).__name__) from error


async def start_of(response: aiohttp.ClientResponse, most_bytes: int = ANSWER_BYTES) -> bytes:
    """At most `most_bytes` of an answer's body; the rest is not read."""
    body = bytearray()
    while len(body) < most_bytes and (data := await response.content.readany()):
        body += data
    return bytes(body[:most_bytes])
