"""Secrets out of what is written down: keys, tokens and passwords become `[redacted]`.

Works on JSON text as bytes and leaves it valid JSON: what is replaced never holds a quote
or a backslash. Ids (session, device, user) are no secrets and stay.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from urllib.parse import unquote_plus

MARK = b"[redacted]"
_PIECE_BYTES = 64 * 1024
"""A pattern search holds Python's lock while it runs: texts are searched in such pieces,
so that the session's loop gets its turn."""
_SHORTEST = 6
"""A known secret shorter than this would be found in ordinary words."""

_START = rb"(?:(?<![A-Za-z0-9_])|(?<=\\[nrt]))"
"""The start of a word, also right behind an escaped line end."""
_TOKENS = re.compile(
    _START + rb"(?:sk-[A-Za-z0-9_-]{16,}"  # Anthropic, OpenAI, OpenRouter
    rb"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    rb"|xox[abeoprs]-[A-Za-z0-9-]{10,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}"
    rb"|A(?:KIA|SIA)[A-Z0-9]{16}\b|AIza[A-Za-z0-9_-]{30,}"
    rb"|eyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,})"
)
_BEARER = re.compile(_START + rb"([Bb]earer[ :]+)([A-Za-z0-9._~+/=-]{8,})")
_MEMBERS = re.compile(
    rb"((?:api[_-]?key|x-api-key|authorization|auth[_-]?token|access[_-]?token|refresh[_-]?token"
    rb"|client[_-]?secret|password|passwd)\\*[\"']\s*:\s*\\*[\"'])([^\"'\\]{4,})",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    rb"([A-Z0-9_]*(?:API_KEY|AUTH_TOKEN|ACCESS_TOKEN|SECRET_KEY|SECRET|PASSWORD|_TOKEN)"
    rb"=(?:\\*[\"'])?)([^\s\"'\\$;&|<>]{4,})"
)
_URL_PASSWORD = re.compile(rb"(://[^\s/?#\"'\\:@]*:)[^\s/?#\"'\\@]+(?=@)")
_URL_KEY = re.compile(
    rb"([?&](?:api[_-]?key|key|access[_-]?token|auth[_-]?token|token|secret|password|sig)=)"
    rb"[^\s&#\"'\\]{4,}",
    re.IGNORECASE,
)
_PRIVATE_KEY = re.compile(
    rb"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^\"]*?(-----END [A-Z ]*PRIVATE KEY-----)"
)


class Redactor:
    """Knows patterns of secrets, and the very secrets of this session."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: set[bytes] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Never write this text."""
        if len(secret) >= _SHORTEST:
            self._secrets.add(secret.encode())

    def add_headers(self, headers: Mapping[str, str]) -> None:
        """Never write the values of these headers; of `Bearer X` the X neither, nor the
        password of `Basic X`."""
        for value in headers.values():
            self.add(value)
            scheme, _, rest = value.partition(" ")
            if scheme.lower() in ("bearer", "basic"):
                self.add(rest)
            if scheme.lower() == "basic":
                with suppress(ValueError):
                    self.add(base64.b64decode(rest).decode().partition(":")[2])

    def add_query(self, query: str) -> None:
        """Never write the values in the query of a URL."""
        for pair in query.split("&"):
            value = pair.partition("=")[2]
            self.add(value)
            self.add(unquote_plus(value))

    def clean(self, data: bytes) -> bytes:
        """The same text without secrets."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            data = data.replace(secret, MARK)
        if b"PRIVATE KEY-----" in data:
            data = _PRIVATE_KEY.sub(rb"\1" + MARK + rb"\2", data)
        return b"".join(_without_patterns(piece) for piece in _pieces(data))


def _without_patterns(data: bytes) -> bytes:
    data = _TOKENS.sub(MARK, data)
    data = _BEARER.sub(rb"\1" + MARK, data)
    data = _MEMBERS.sub(rb"\1" + MARK, data)
    data = _URL_PASSWORD.sub(rb"\1" + MARK, data)
    data = _URL_KEY.sub(rb"\1" + MARK, data)
    return _ASSIGNED.sub(rb"\1" + MARK, data)


def _pieces(data: bytes) -> Iterator[bytes]:
    """Cut where no secret can stand across: between objects, or at a line's end."""
    start = 0
    while len(data) - start > _PIECE_BYTES:
        near = start + _PIECE_BYTES
        ends = [data.find(mark, near, near + _PIECE_BYTES) for mark in (b"},{", b"\\n", b" ")]
        end = next((at for at in ends if at >= 0), near)
        yield data[start:end]
        start = end
    yield data[start:]


_SECRET = re.compile(r"(?:key|token|secret|password)$", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Whether a setting, or a variable in an `env`, of this name is not for screens."""
    return _SECRET.search(name) is not None


HIDDEN = "…"


_USER = re.compile(r"(?<=://)([^\s/?#\"'@:]*:)?[^\s/?#\"']*@")


_BARE_USER = re.compile(r"^([^\s/?#\"'@:]+:)[^\s/?#\"'@]+@")
"""Of a URL whose `http://` was forgotten."""


_VALUE = re.compile(r"(?<=[?&])([^\s=&#?\"']{1,64}=)[^\s&#\"']+")


def shown(text: str) -> str:
    """A text without the secrets of the URLs in it: passwords, and every value of a query."""
    for pattern in (_USER, _BARE_USER):
        text = pattern.sub(rf"\g<1>{HIDDEN}@", text)
    return _VALUE.sub(rf"\1{HIDDEN}", text)
