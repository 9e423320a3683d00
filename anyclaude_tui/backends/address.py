"""A server's URL in two parts: the address, which may be shown, and the secrets in it.

`http://user:secret@host/v1?api_key=…`: user and password become a header, the query goes with
every request. Screens, logs and names get what is left, so that no text has to be searched.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit, urlunsplit

_LOOPBACK = ("127.0.0.1", "localhost", "::1", "0.0.0.0")
_ENDINGS = ("/chat/completions", "/messages", "/models", "/v1")


@dataclass(frozen=True, slots=True)
class Address:
    """A server's address (`base`, without `/v1`) and the credentials that it wants."""

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: str = field(default="", repr=False)


def address(url: str) -> Address:
    """The two parts of a base URL, whichever way it was written. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("a URL begins with http:// or https:// and names a host")
    user, at, place = parts.netloc.rpartition("@")
    base = urlunsplit((parts.scheme, place, parts.path, "", "")).rstrip("/")
    for ending in _ENDINGS:
        base = base.removesuffix(ending)
    name, _, password = user.partition(":")
    word = base64.b64encode(f"{unquote(name)}:{unquote(password)}".encode()).decode()
    return Address(base, {"authorization": f"Basic {word}"} if at else {}, parts.query)


def is_local(url: str) -> bool:
    """True if the URL's host is this machine."""
    return (urlsplit(url).hostname or "") in _LOOPBACK


def is_near(url: str) -> bool:
    """True if the URL's host is this machine or in its private network, where asking is free."""
    host = urlsplit(url).hostname or ""
    if is_local(url) or host.endswith(".local"):
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return False


@lru_cache(maxsize=64)
def proxy_of(url: str) -> str | None:
    """The HTTP proxy that the environment names for a URL elsewhere, as aiohttp takes it."""
    from urllib.request import getproxies, proxy_bypass  # 20 ms that a start can do without

    parts = urlsplit(url)
    if is_local(url) or proxy_bypass(parts.hostname or ""):
        return None
    known = getproxies()
    found = known.get(parts.scheme) or known.get("all") or ""
    if found and "://" not in found:
        found = f"http://{found}"
    return found if found.startswith(("http://", "https://")) else None
