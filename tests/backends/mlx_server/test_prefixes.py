"""The linear search against mlx_lm's own, and where a prompt's front ends."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.mlx_server import prefixes

PROMPTS = st.lists(st.integers(0, 3), max_size=12)


def trie_of(caches: Any, entries: list[list[int]]) -> Any:
    trie = caches.PromptTrie()
    for number, tokens in enumerate(entries):
        trie.add("model", tokens, number)
    return trie


@pytest.mark.e2e
@given(st.lists(PROMPTS.filter(bool), min_size=1, max_size=8), PROMPTS)
def test_the_search_answers_what_mlx_lms_own_does(
    entries: list[list[int]], asked: list[int]
) -> None:
    caches = importlib.import_module("mlx_lm.models.cache")
    trie = trie_of(caches, entries)
    own = trie.search("model", asked)
    ours = prefixes.search(caches, trie._trie, "model", asked)
    assert (ours.exact, ours.shorter, ours.common_prefix) == (
        own.exact,
        own.shorter,
        own.common_prefix,
    )
    # Of several that are equally short either will do.
    assert len(ours.longer or ()) == len(own.longer or ())
    assert ours.longer is None or ours.longer in entries


@pytest.mark.e2e
def test_what_is_left_of_removed_entries_is_no_fault() -> None:
    caches = importlib.import_module("mlx_lm.models.cache")
    trie = trie_of(caches, [[1, 2, 3]])
    trie.pop_prefixes("model", [1, 2, 3])
    trie._trie["model"][1][2].pop(3)  # the path stays, without an entry on it
    assert prefixes.search(caches, trie._trie, "model", [1, 9]).longer is None
    assert prefixes.search(caches, {}, "model", [1]).common_prefix == 0


def test_the_front_is_the_reminders_before_the_users_words() -> None:
    one, two = (
        "<system-reminder>\nA\n</system-reminder>\n",
        "<system-reminder>B</system-reminder>",
    )
    system = {"role": "system", "content": "S"}

    def user(text: Any) -> dict[str, Any]:
        return {"role": "user", "content": text}

    assert prefixes.front_of([system, user(f"{one}{two}\nhello {two}")]) == (1, f"{one}{two}\n")
    assert prefixes.front_of([user(f"hello {one}")]) == (0, "")
    assert prefixes.front_of([user([{"type": "text", "text": one}])]) == (0, "")
    assert prefixes.front_of([{"role": "assistant", "content": one}, user(one)]) == (0, "")
    assert prefixes.front_of([]) == (0, "")


def test_a_segment_is_divided_only_within_the_users() -> None:
    segments, kinds = [[1, 2], [3, 4, 5], [6]], ["system", "user", "assistant"]
    assert prefixes.divided(segments, kinds, 4) == (
        [[1, 2], [3, 4], [5], [6]],
        ["system", "system", "user", "assistant"],
    )
    for end in (0, 1, 2, 5, 6, 99):
        assert prefixes.divided(segments, kinds, end) == (segments, kinds)
