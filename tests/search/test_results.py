"""What a provider says becomes plain, bounded results within the domains that were asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.search.base import Query, Result, SearchError
from anyclaude_tui.search.results import EXCERPT_CHARS, domains, kept, plain, read, result, within

FIELDS = ("title", "url", "content", "age")


def test_markup_controls_and_runs_of_blanks_go() -> None:
    made = result("A <b>bold</b>&amp; title", "https://x.org/a", "one\n\n two\x1b[31m", "2 days")
    assert made == Result("A bold& title", "https://x.org/a", "one two[31m", "2 days")


def test_code_and_sums_are_no_markup() -> None:
    assert plain("if a < b and c > d", 100) == "if a < b and c > d"


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "file:///etc/hosts", "//x.org", "https://", "http://[::1", "", None, 7,
     "https://x.org/\x1b]0;t\x07", "https://x.org/" + "a" * 3000],
)  # fmt: skip
def test_what_is_no_web_page_is_left_out(url: object) -> None:
    assert result("title", url) is None


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda x: st.lists(x)
                    | st.dictionaries(st.sampled_from(FIELDS) | st.text(), x)))  # fmt: skip
def test_whatever_a_provider_says_it_is_read_without_a_fault(items: object) -> None:
    for one in read(items, FIELDS):
        assert one.url.startswith("http")
        assert len(one.excerpt) <= EXCERPT_CHARS
        assert "\x1b" not in one.title + one.excerpt


@pytest.mark.parametrize(
    ("url", "domain", "inside"),
    [
        ("https://example.com/a", "example.com", True),
        ("https://docs.example.com/a", "example.com", True),
        ("https://example.com/a", "docs.example.com", False),
        ("https://notexample.com/a", "example.com", False),
        ("https://example.com.evil.org/", "example.com", False),
        ("https://example.com/blog/x", "example.com/blog", True),
        ("https://example.com/news", "example.com/blog", False),
        ("https://example.com/blog/x/y", "example.com/blog/*/y", True),
        ("https://EXAMPLE.com./a", "Example.com", True),
    ],
)
def test_a_domain_holds_those_below_it(url: str, domain: str, inside: bool) -> None:
    assert within(url, domain) == inside


def test_allowed_and_blocked_are_kept_to_whatever_the_provider_found() -> None:
    found = [Result("t", f"https://{host}/") for host in ("a.org", "b.org", "x.b.org", "c.org")]
    query = Query("q", ("a.org", "b.org"), ("x.b.org",))
    assert [one.url for one in kept(found, query)] == ["https://a.org/", "https://b.org/"]


def test_each_address_once_and_no_more_than_were_wanted() -> None:
    found = [Result("t", f"https://a.org/{number // 2}") for number in range(20)]
    assert len(kept(found, Query("q", count=3))) == 3
    assert len(kept(found, Query("q", count=20))) == 10


@pytest.mark.parametrize("value", ["a.org", [1], ["https://a.org"], ["a b"], ["a.org"] * 101])
def test_what_is_no_domain_is_refused(value: object) -> None:
    with pytest.raises(SearchError) as refused:
        domains(value)
    assert refused.value.code == "invalid_tool_input"
    assert not refused.value.sent
