"""A search, its results, and the promise of a provider."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import httpx

ErrorCode = Literal["unavailable", "too_many_requests", "invalid_tool_input", "query_too_long"]
"""Codes of the Messages API for a search that failed (anthropic-sdk-python 2.11)."""


class SearchError(Exception):
    """A search that gave nothing; the text says why and what to do, for user and model."""

    def __init__(
        self,
        words: str,
        code: ErrorCode = "unavailable",
        *,
        sent: bool = True,
        status: int | None = None,
    ) -> None:
        """`sent`: the query may have left this machine. `status`: the provider's HTTP status."""
        super().__init__(words)
        self.status = status
        self.code = code
        self.sent = sent


@dataclass(frozen=True, slots=True)
class Query:
    """The words to look for, and where. A domain is a bare host, with a path if wanted."""

    text: str
    allowed: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    count: int = 8
    """Results wanted at most."""

    @property
    def with_sites(self) -> str:
        """The text with its domains as search operators, for providers that know no other way."""
        only = " OR ".join(f"site:{domain}" for domain in self.allowed)
        without = " ".join(f"-site:{domain}" for domain in self.blocked)
        return " ".join(part for part in (self.text, only, without) if part)


@dataclass(frozen=True, slots=True)
class Result:
    """One page that was found."""

    title: str
    url: str
    excerpt: str = ""
    age: str | None = None
    """Its age or its date, in the provider's words."""


class Provider(ABC):
    """A search service. One small file each; `providers.py` knows their names."""

    name: str

    @abstractmethod
    async def search(self, query: Query, http: httpx.AsyncClient) -> Sequence[Result]:
        """The pages found, best first; domains need not be kept to, and results may be more
        than were wanted. Raises SearchError.
        """

    @property
    def headers(self) -> dict[str, str]:
        """The headers with the key, so that nobody writes them down."""
        return {}
