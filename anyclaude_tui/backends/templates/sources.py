"""The renderers that can be asked about a chat template: the text rendered here, the server that
renders it, or the server that counts what it rendered."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from anyclaude_tui.backends import http
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.http_client import Client
from anyclaude_tui.backends.templates.profile import RefusedError, Verdict, lost_in
from anyclaude_tui.backends.templates.questions import NAME, Body, Shape, marked

if TYPE_CHECKING:
    from anyclaude_tui.backends.templates.jinja import Render

COUNT_WORDS = 8
"""The words by which a piece is lengthened to see if it is counted."""
_NO_ROUTE = (401, 403, 404, 405, 501)
"""Statuses under which llama.cpp, or what stands before it, does not offer a route."""
WORDS_MOST = 160
"""The characters that are kept of a refusal's words."""


class RenderedSource:
    """The template's text is at hand."""

    name = "rendered"
    thorough = True

    def __init__(self, render: Render, template: str = "") -> None:
        self._render = render
        self._template = template

    def mentions(self, name: str) -> bool:
        """See Source."""
        return name in self._template or not self._template

    async def judge(self, shape: Shape, how: Dialect) -> Verdict:
        """See Source."""
        return await _judged(self.text, shape, how)

    async def text(self, body: Body) -> str:
        """See Source."""
        try:
            return self._render(body)
        except Exception as error:  # a template may raise anything, by design even
            raise RefusedError(_short(str(error) or type(error).__name__)) from None


class AskedSource:
    """A server with `POST /apply-template` (llama.cpp): its own engine renders."""

    name = "asked"
    thorough = True

    def __init__(self, client: Client, model: str, template: str = "") -> None:
        self._client = client
        self._model = model
        self._template = template

    def mentions(self, name: str) -> bool:
        """See Source."""
        return name in self._template or not self._template

    async def judge(self, shape: Shape, how: Dialect) -> Verdict:
        """See Source."""
        return await _judged(self.text, shape, how)

    async def text(self, body: Body) -> str:
        """See Source."""
        answer = await self._client.post("/apply-template", {"model": self._model, **body})
        if answer.status_code in _NO_ROUTE:
            raise UncountedError
        prompt = http.object_of(answer).get("prompt")
        if answer.status_code != 200 or not isinstance(prompt, str):
            raise RefusedError(_short(http.words(answer)))
        return prompt


class CountedSource:
    """A server that tells no more than `usage.prompt_tokens`: the same chat of one token with
    long pieces and with short ones; what is lost is not counted."""

    name = "counted"
    thorough = False

    def __init__(self, client: Client, path: str, model: str, timeout_s: float) -> None:
        self._client = client
        self._path = path
        self._model = model
        self._timeout_s = timeout_s
        self._piece_tokens: int | None = None
        """The tokens by which a piece grows."""

    def mentions(self, name: str) -> bool:
        """See Source."""
        return True

    async def judge(self, shape: Shape, how: Dialect) -> Verdict:
        """See Source."""
        if self._piece_tokens is None:
            try:
                self._piece_tokens = await self._grown(_PLAIN, how)
            except RefusedError:
                raise UncountedError from None  # no shape's fault
        try:
            grown = await self._grown(shape, how)
        except RefusedError as error:
            return Verdict(refused=str(error))
        expected = len(shape.wanted) - (NAME in shape.wanted)
        missing = expected - round(grown / max(1, self._piece_tokens))
        return Verdict(("a piece that is not counted",) * missing if missing > 0 else ())

    async def text(self, body: Body) -> None:
        """See Source."""
        return

    async def _grown(self, shape: Shape, how: Dialect) -> int:
        """The tokens that longer pieces add."""

        def long(name: str) -> str:
            longer = " word" * COUNT_WORDS if name in shape.wanted else ""
            return marked(name) + longer

        longer = await self._count(shape.body(long, how))
        return longer - await self._count(shape.body(marked, how))

    async def _count(self, body: Body) -> int:
        wanted: dict[str, Any] = {"model": self._model, **body}
        if not self._path.endswith("/tokenize"):  # vLLM's, which generates nothing
            wanted |= {"max_tokens": 1, "stream": False}
        answer = await self._client.post(self._path, wanted, timeout_s=self._timeout_s)
        if answer.status_code != 200:
            raise RefusedError(_short(http.words(answer)))
        told = http.object_of(answer)
        usage = http.part(told.get("usage"))
        count = http.number(told.get("count")) or http.number(usage.get("prompt_tokens"))
        if count is None:
            raise UncountedError
        return count


class UncountedError(Exception):
    """The server renders nothing for us, or tells no `usage.prompt_tokens`: nothing can be found
    out this way."""


_PLAIN = Shape(
    "one user message", lambda piece, _: [{"role": "user", "content": piece("ask")}], ("ask",)
)


async def _judged(text: Callable[[Body], Any], shape: Shape, how: Dialect) -> Verdict:
    try:
        return lost_in(await text(shape.body(marked, how)), shape)
    except RefusedError as error:
        return Verdict(refused=str(error))


def _short(words: str) -> str:
    words = " ".join(words.split())
    return words if len(words) <= WORDS_MOST else words[: WORDS_MOST - 1] + "…"
