"""The server on loopback: the check of who may come in, and the routes of the Messages API.

Source: `docs/protocol/claude-code.md`, "Endpoints and start-up";
`docs/protocol/messages.md`, "Endpoints".
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

from anyclaude_tui.backends.base import BackendError, Endpoint
from anyclaude_tui.printable import printable
from anyclaude_tui.proxy import clients
from anyclaude_tui.proxy.context import Services
from anyclaude_tui.proxy.downstream import Reply, Runner, error_response
from anyclaude_tui.proxy.errors import ApiError, invalid
from anyclaude_tui.proxy.request.seen import Seen
from anyclaude_tui.proxy.roles import AGENT_HEADER, SESSION_HEADER, role_of
from anyclaude_tui.telemetry.events import Outcome, RequestRecord, Role

if TYPE_CHECKING:
    from anyclaude_tui.proxy.exchange import Exchange

SHUTDOWN_S = 5.0
"""On stop, requests in flight get this long to end by themselves; then they end with an
error that says so."""

AGAIN_S = 1.0
"""A request that came again waits this long for the end of the first."""

ID_CHARACTERS = 200
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

NATIVE_HEADERS = ("anthropic-version", "anthropic-beta")
"""The client's headers that go on to a server that speaks the Messages API itself."""

_SILENT = logging.Logger("aiohttp", logging.CRITICAL + 1)
"""aiohttp would write a client's broken requests to stderr, across the dashboard."""

_REQUEST_ID = web.RequestKey("request_id", str)
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class ProxyServer:
    """The HTTP server. `start()` binds it; `url` is then what clients are given."""

    def __init__(self, services: Services, token: str, host: str, port: int) -> None:
        self._services = services
        self._token = token.encode()
        self._host = host
        self._port = port
        self._runner: web.AppRunner | None = None
        self._running: dict[tuple[str, str], list[tuple[bytes, asyncio.Task[Any]]]] = {}
        """By session and agent: the bodies that are being answered."""
        self._exchanges: dict[asyncio.Task[Any], Exchange] = {}
        self._stopping = False
        self.url = ""

    async def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/", self._root),  # HEAD too
                web.get("/health", self._health),
                web.get("/metrics", self._metrics),
                web.post("/v1/messages", self._messages),
                web.post("/v1/messages/count_tokens", self._count_tokens),
                web.get("/v1/models", self._models),
                web.get("/v1/models/{id:.+}", self._model),
            ]
        )
        self._runner = Runner(
            app,
            handler_cancellation=True,
            access_log=None,
            logger=_SILENT,
            shutdown_timeout=SHUTDOWN_S,
        )
        await self._runner.setup()
        try:
            site = web.TCPSite(self._runner, self._host, self._port)
            await site.start()
        except OSError:
            await self._runner.cleanup()
            raise
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    async def stop(self) -> None:
        """No new requests; those in flight end properly, after SHUTDOWN_S with an error."""
        if self._runner is None:
            return
        self._stopping = True
        for site in list(self._runner.sites):
            await site.stop()
        tasks = [task for task in self._exchanges if not task.done()]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=SHUTDOWN_S)
            for task in late:
                self._exchanges[task].interrupt(_stopping())
        await self._runner.cleanup()

    # --- who may come in ---------------------------------------------------------------------

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        request_id = request[_REQUEST_ID] = f"req_{secrets.token_hex(12)}"
        try:
            if not _from_here(request.headers):
                raise ApiError(
                    "permission_error",
                    f"this proxy is for programs on this machine: call it at {self.url}, and not "
                    "from a web page",
                    retry=False,
                )
            if not self._known(request):
                raise ApiError(
                    "authentication_error",
                    "this proxy wants its session's token (ANTHROPIC_AUTH_TOKEN)",
                    retry=False,
                )
            return await handler(request)
        except ApiError as error:
            return error_response(error, request_id)
        except web.HTTPException as error:
            kind = "not_found_error" if error.status == 404 else "invalid_request_error"
            words = f"{request.method} {request.path}: {error.reason}"
            return error_response(ApiError(kind, words, status=error.status), request_id)
        except ConnectionError:  # the client left
            raise
        except Exception as error:
            words = f"fault in the proxy: {error!r}"
            self._services.hub.notice("error", words)
            return error_response(ApiError("api_error", words), request_id)

    def _known(self, request: web.Request) -> bool:
        """Bearer token or x-api-key, compared in constant time."""
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        given = bearer if scheme.lower() == "bearer" else request.headers.get("x-api-key", "")
        # aiohttp keeps bytes that are no UTF-8 as surrogates.
        raw = given.strip().encode("utf-8", "surrogateescape")
        return hmac.compare_digest(raw, self._token)

    # --- routes -----------------------------------------------------------------------------

    async def _root(self, request: web.Request) -> web.Response:
        return web.Response(text="anyclaude-tui\n")

    async def _health(self, request: web.Request) -> web.Response:
        try:
            status = self._services.router.peek(Role.MAIN).backend.status()
        except BackendError as error:
            return _json({"status": "unavailable", "reason": str(error)}, 503)
        ok = status.state in ("ready", "degraded")
        return _json(
            {
                "status": "ok" if ok else "unavailable",
                "backend": status.name,
                "state": status.state,
                "reason": status.reason,
                "model": status.model,
                "simulated": status.simulated,
            },
            200 if ok else 503,
        )

    async def _metrics(self, request: web.Request) -> web.Response:
        if self._services.metrics is None:
            raise ApiError("not_found_error", "no metrics are kept here")
        body, content_type = self._services.metrics()
        return web.Response(body=body, headers={"Content-Type": content_type})

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        accepted = self._services.clock.now()
        raw = await self._read(request)
        if self._stopping:  # on a connection that was open before
            raise _stopping()
        body = _object(raw, self._services.memory.seen)
        streaming = body.get("stream") is True
        record = self._record(request, body, len(raw), accepted, streaming)
        if self._services.picked is not None:
            await self._services.picked(record)
        reply = Reply(request, record.id, streaming=streaming)
        # What reads replies is first imported here: a start, and a proxy that idles, do without.
        from anyclaude_tui.proxy.exchange import Exchange
        from anyclaude_tui.proxy.web_search import SearchExchange, ours
        from anyclaude_tui.proxy.wire_format import slow_to_translate

        searches = ours(body, self._services)
        if searches is not None:
            exchange: Exchange = SearchExchange(self._services, record, body, reply, searches)
        else:
            exchange = Exchange(
                self._services,
                record,
                body,
                reply,
                client_headers=_passed(request),
                client_query=request.query_string,
                slow=slow_to_translate(raw),
                received=raw,
            )
        task = asyncio.current_task()
        assert task is not None
        self._exchanges[task] = exchange
        try:
            async with self._only_one(record, raw):
                await exchange.run()
        finally:
            del self._exchanges[task]
        assert reply.response is not None
        return reply.response

    async def _count_tokens(self, request: web.Request) -> web.Response:
        """Never an error because of a backend: without one it is the estimate."""
        services, raw = self._services, await self._read(request)
        body = {"max_tokens": 1, **_object(raw, services.memory.seen)}
        try:
            backend = services.router.peek(Role.MAIN).backend
            endpoint = backend.endpoint.asked_for(services.wanted(backend.name))
        except BackendError:
            endpoint = Endpoint(url="", model="")
        from anyclaude_tui.proxy.wire_format import WireFormat, slow_to_translate

        wire = WireFormat.for_(endpoint, _passed(request), request.query_string)
        upstream = await wire.request(body, services.memory, slow=slow_to_translate(raw))
        counted = await services.counter.count(wire.endpoint, upstream, services.http)
        return _json({"input_tokens": int(counted.value or 1)})

    async def _models(self, request: web.Request) -> web.Response:
        models = [_model_entry(name) for name in self._model_names()]
        return _json(
            {
                "data": models,
                "has_more": False,
                "first_id": models[0]["id"] if models else None,
                "last_id": models[-1]["id"] if models else None,
            }
        )

    async def _model(self, request: web.Request) -> web.Response:
        wanted = request.match_info["id"]
        for name in self._model_names():
            if wanted in (name, model_id(name)) or wanted.startswith("claude"):
                return _json(_model_entry(name) | {"id": wanted})
        raise ApiError("not_found_error", f"model: {wanted}")

    async def _read(self, request: web.Request) -> bytes:
        """The request's body. Raises ApiError."""
        limit = self._services.limits.max_body_bytes
        if (request.content_length or 0) > limit:
            raise _too_large(limit)
        pieces, size = list[bytes](), 0
        try:
            while data := await request.content.readany():
                pieces.append(data)
                size += len(data)
                if size > limit:
                    raise _too_large(limit)
        except web.RequestPayloadError as error:
            raise invalid(f"the request body cannot be read: {error}") from None
        return b"".join(pieces)

    # --- small things -----------------------------------------------------------------------

    def _model_names(self) -> list[str]:
        """The real names of what answers now, and those that stand for other backends."""
        try:
            status = self._services.router.peek(Role.MAIN).backend.status()
        except BackendError:
            return []
        names = [status.model] if status.model else []
        ids = {model_id(name) for name in names}
        return [*names, *(name for name in self._services.models() if model_id(name) not in ids)]

    def _record(
        self,
        request: web.Request,
        body: Mapping[str, Any],
        size_bytes: int,
        accepted: float,
        streaming: bool,
    ) -> RequestRecord:
        agent = request.headers.get("User-Agent", "") if streaming else ""
        return RequestRecord(
            id=request[_REQUEST_ID],
            backend="",
            accepted_at=accepted,
            accepted_wall=time.time(),
            role=role_of(request.headers, body),
            session_id=_named(request, SESSION_HEADER),
            agent_id=_named(request, AGENT_HEADER),
            requested_model=str(body.get("model", "")),
            streaming=streaming,
            client_resumes=clients.can(agent, clients.Ability.RESUMES),
            client_compacts=clients.can(agent, clients.Ability.COMPACTS),
            prompt_bytes=size_bytes,
        )

    @asynccontextmanager
    async def _only_one(self, record: RequestRecord, raw: bytes) -> AsyncIterator[None]:
        """The same body again while the first still runs: the first is ended, never both run.

        Claude Code repeats a request that it gave up on (`docs/protocol/messages.md`, "What users
        suffer from", 5). Told by session and agent; a client that names no session is left alone.
        """
        if not record.session_id:
            yield
            return
        key = (record.session_id, record.agent_id)
        # Compared and not hashed: most often there is nothing to compare with.
        while first := self._answering(key, raw):
            # Told, and not just dropped: two clients that repeat each other would never end.
            self._exchanges[first].interrupt(_came_again(), Outcome.CANCELLED)
            _, late = await asyncio.wait([first], timeout=AGAIN_S)
            if late:  # its client takes nothing
                first.cancel()
                await asyncio.wait([first])
        task = asyncio.current_task()
        assert task is not None
        self._running.setdefault(key, []).append((raw, task))
        try:
            yield
        finally:
            self._running[key].remove((raw, task))
            if not self._running[key]:
                del self._running[key]

    def _answering(self, key: tuple[str, str], raw: bytes) -> asyncio.Task[Any] | None:
        return next((task for body, task in self._running.get(key, ()) if body == raw), None)


def _passed(request: web.Request) -> dict[str, str]:
    """The client's headers that a native server also gets."""
    return {name: request.headers[name] for name in NATIVE_HEADERS if name in request.headers}


def _named(request: web.Request, header: str) -> str:
    """An id that the client gives itself; bytes that are no text would be in no journal."""
    return printable(request.headers.get(header, ""))[:ID_CHARACTERS]


def _from_here(headers: Mapping[str, str]) -> bool:
    """True if the request is meant for this machine and comes from no web page.

    Beside the token a second wall: a page's script names its Origin, and a name that somebody
    else's DNS leads to loopback stands in Host.
    """
    host = headers.get("Host", "localhost").lower()
    name = host[: host.find("]") + 1] if host.startswith("[") else host.partition(":")[0]
    return "Origin" not in headers and name in LOOPBACK_NAMES


def model_id(name: str) -> str:
    """The id under which a real model is listed: Claude Code's picker wants `claude-…`."""
    return name if name.startswith("claude") else f"claude-{name.rstrip('/').rsplit('/', 1)[-1]}"


def _model_entry(name: str) -> dict[str, Any]:
    return {
        "type": "model",
        "id": model_id(name),
        "display_name": name,
        "created_at": "1970-01-01T00:00:00Z",
    }


def _too_large(limit_bytes: int) -> ApiError:
    return ApiError("request_too_large", f"the request is over {limit_bytes} bytes")


def _stopping() -> ApiError:
    return ApiError("api_error", "anyclaude-tui is stopping", status=503, retry=False)


def _came_again() -> ApiError:
    return ApiError(
        "api_error", "the same request came again and goes on in its place", retry=False
    )


def _object(raw: bytes, seen: Seen) -> dict[str, Any]:
    """The body as a JSON object. Raises ApiError."""
    try:
        body = seen.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise invalid(f"the request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise invalid("the request body must be a JSON object")
    return body


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=msgspec.json.encode(value), content_type="application/json"
    )
