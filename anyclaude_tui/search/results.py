"""Results as they may go on: plain text within bounds, web addresses, the domains asked for.

Pure.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from anyclaude_tui.search.base import Query, Result, SearchError

TITLE_CHARS = 200
EXCERPT_CHARS = 700
URL_CHARS = 2048
AGE_CHARS = 60
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?(/[^\s\"'<>]*)?", re.IGNORECASE)


def result(title: object, url: object, excerpt: object = "", age: object = None) -> Result | None:
    """A result from what a provider said of it; None where it names no web page."""
    if not isinstance(url, str) or len(url) > URL_CHARS or _spoilt(url):
        return None
    try:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return None
    except ValueError:
        return None
    name = plain(title, TITLE_CHARS) or parts.hostname
    return Result(name, url, plain(excerpt, EXCERPT_CHARS), plain(age, AGE_CHARS) or None)


def read(items: object, fields: Sequence[str]) -> list[Result]:
    """The results in a provider's list; `fields` are its names of title, URL, excerpt, age."""
    if not isinstance(items, list):
        return []
    made = (
        result(*(item.get(name) for name in fields))
        for item in items[:100]
        if isinstance(item, Mapping)
    )
    return [one for one in made if one is not None]


def plain(value: object, limit: int) -> str:
    """Text without markup, controls and runs of white space, cut at `limit` characters."""
    if not isinstance(value, str):
        return ""
    bare = html.unescape(_TAG.sub("", value[: 8 * limit]))
    bare = "".join(" " if char.isspace() else char for char in bare if not _spoilt(char, " \t\n"))
    bare = " ".join(bare.split())
    return bare if len(bare) <= limit else bare[: limit - 1] + "…"


def _spoilt(text: str, but: str = "") -> bool:
    return any((char < " " and char not in but) or "\x7f" <= char <= "\x9f" for char in text)


def kept(found: Iterable[Result], query: Query) -> tuple[Result, ...]:
    """Those within the query's domains, each address once, no more than were wanted."""
    chosen: dict[str, Result] = {}
    for one in found:
        inside = not query.allowed or any(within(one.url, domain) for domain in query.allowed)
        outside = any(within(one.url, domain) for domain in query.blocked)
        if inside and not outside and len(chosen) < query.count:
            chosen.setdefault(one.url, one)
    return tuple(chosen.values())


def within(url: str, domain: str) -> bool:
    """True if the address is of this domain, of one below it, and below its path if it has one."""
    wanted, _, path = domain.lower().partition("/")
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if host != wanted and not host.endswith(f".{wanted}"):
        return False
    pattern = ".*".join(re.escape(piece) for piece in path.split("*"))
    return not path or re.match(f"/{pattern}", parts.path + "?" * bool(parts.query)) is not None


def domains(value: Any) -> tuple[str, ...]:
    """The domains of a request. Raises SearchError for one that is none."""
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > 100:
        raise SearchError("domains: a list is expected", "invalid_tool_input", sent=False)
    for one in value:
        if not isinstance(one, str) or not _HOST.fullmatch(one):
            words = f"{plain(str(one), 60)!r} is not a domain: write it as example.com"
            raise SearchError(words, "invalid_tool_input", sent=False)
    return tuple(value)


def spoken(found: Sequence[Result], query: Query, provider: str) -> str:
    """The results as a text for the model: Claude Code 2.1.332 gives it this and the titles and
    addresses, and no other part of a result.
    """
    if not found:
        return f'{provider} found nothing for "{query.text}".'
    lines = [f'Found by {provider} for "{query.text}" (excerpts of web pages, as they are):']
    for number, one in enumerate(found, 1):
        age = f" ({one.age})" if one.age else ""
        lines += ["", f"{number}. {one.title}{age}", one.url]
        lines += [one.excerpt] if one.excerpt else []
    return "\n".join(lines)
