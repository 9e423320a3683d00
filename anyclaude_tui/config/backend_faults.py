"""The faults of a backend's table in which every value by itself is of the right kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.config.request_settings import RequestSettings, extra_body_faults
from anyclaude_tui.config.settings import BackendSettings

_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A field name (RFC 9110, 5.6.2)."""
_VALUE = re.compile(r"[\t\x20-\x7e]*")
_FRAMING = frozenset(
    {
        *("accept-encoding", "connection", "content-encoding", "content-length", "content-type"),
        *("expect", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)
"""Headers that say how the request itself is sent: the HTTP client's."""


def faults(settings: BackendSettings) -> Iterator[tuple[str, str]]:
    """(key below `backends.NAME`, what is wrong), the worst first; none where all is well."""
    row = KINDS[settings.kind]
    unset = RequestSettings()
    for key in (*RequestSettings.__struct_fields__, "headers"):
        given = getattr(settings, key)
        if given != getattr(unset, key, {}) and not row.takes(key):
            yield key, f"{row.title} knows no such setting: leave it out"
    for key, words in extra_body_faults(settings.extra_body):
        yield f"extra_body.{key}", words
    for name, words in _header_faults(settings.headers):
        yield f"headers.{name}", words


def _header_faults(headers: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for name, value in headers.items():
        if not _HEADER.fullmatch(name):
            yield name, "it is not a name that a header can have"
        elif name.lower() in _FRAMING:
            yield name, "it says how the request is sent, which is not to be set"
        elif name.lower() in seen:
            yield name, "it is there twice: upper and lower case are the same"
        elif not _VALUE.fullmatch(value):
            yield name, "a header has visible ASCII characters and blanks only"
        elif value == "env:":
            yield name, "write the name of the variable behind env:"
        seen.add(name.lower())
