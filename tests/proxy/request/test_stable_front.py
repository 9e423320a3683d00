"""The order of a prompt's front: what moves, and that nothing is lost by it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import translate
from anyclaude_tui.proxy.request.stable_front import (
    arranged,
    folder_of_body,
    front_of,
    recognised,
)

RULES = "<system-reminder>\nContents of {folder}/CLAUDE.md: be kind\n</system-reminder>\n"
GIT = "<system-reminder>\n# gitStatus\nStatus: {status}\n</system-reminder>\n"
OTHER = "<system-reminder>\nattribution\n</system-reminder>\n"
LATE = (
    "# Environment\nYou are here: \n - Primary working directory: {folder}\n - Shell: bash\n\n"
    "Available agent types for the Agent tool:\n- Explore\n\nToday's date is 2026-11-30."
)
MEMORY = "# Memory\n\nIt is at `/home/.claude/{dashed}/memory/`."
SYSTEM = f"You are an agent.\n\n{MEMORY}\n\n# Style\nBe brief."


def request(
    words: str = "hello", folder: str = "/home/p", status: str = "clean", **more: Any
) -> dict[str, Any]:
    blocks = [RULES.format(folder=folder), GIT.format(status=status), OTHER, words]
    dashed = folder.replace("/", "-")
    return {
        "model": "m",
        "max_tokens": 10,
        "system": SYSTEM.format(dashed=dashed),
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": text} for text in blocks]},
            {"role": "system", "content": LATE.format(folder=folder)},
        ],
        **more,
    }


def upstream(body: dict[str, Any], how: Any = "static") -> list[dict[str, Any]]:
    endpoint = Endpoint("http://x", "m", Dialect(stable_front=how))
    messages = translate(body, endpoint, CallMemory()).body["messages"]
    assert isinstance(messages, list)
    return messages


def text_of(body: dict[str, Any], how: Any = "static") -> str:
    return "\n".join(message["content"] for message in upstream(body, how))


def shared(a: str, b: str) -> float:
    same = next(
        (n for n, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )
    return same / len(b)


def test_the_users_words_come_last_and_gits_status_before_them() -> None:
    content = upstream(request("say hello"))[1]["content"]
    places = [content.index(word) for word in ("Available agent", "be kind", "attribution")]
    places += [content.index("gitStatus"), content.index("say hello")]
    assert places == sorted(places)
    assert content.endswith("say hello")


def test_another_conversation_parts_at_the_users_words() -> None:
    one, two = text_of(request("hello")), text_of(request("what else is there"))
    assert two[: len(one) - len("hello")] == one.removesuffix("hello")
    assert shared(text_of(request("hello"), "off"), text_of(request("no"), "off")) < 0.8


def test_another_status_parts_where_it_stands() -> None:
    text = text_of(request(status="two files"))
    assert text.startswith(text_of(request())[: text.index("two files")])


def test_another_folder_shares_the_system_text_only_in_full() -> None:
    here, there = request(), request(folder="/home/other")
    static = shared(text_of(here), text_of(there))
    full = shared(text_of(here, "full"), text_of(there, "full"))
    assert full > 2 * static
    system = upstream(here, "full")[0]["content"]
    assert "Memory" not in system
    assert "Be brief." in system
    assert "-home-p/memory" in text_of(here, "full")


@given(st.text("ab \n<>", max_size=40), st.sampled_from(["static", "full"]))
def test_no_word_is_lost_or_said_twice(words: str, how: Any) -> None:
    body = request(f"x{words}")
    assert Counter(text_of(body, how).split()) - Counter(text_of(body, "off").split()) <= Counter(
        ["<system-reminder>", "</system-reminder>"]
    )
    assert not Counter(text_of(body, "off").split()) - Counter(text_of(body, how).split())


def test_later_turns_begin_with_the_first() -> None:
    body = request()
    more = {**body, "messages": [*body["messages"], {"role": "assistant", "content": "hi"}]}
    more["messages"] = [*more["messages"], {"role": "user", "content": "go on"}]
    assert upstream(more)[:2] == upstream(body)


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": "hello"}],
        [{"role": "user", "content": "hello"}, {"role": "system", "content": "be brief"}],
        [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "# Environment\n"}],
        [{"role": "system", "content": "# Environment\n"}, {"role": "user", "content": "hello"}],
        [{"role": "user"}, {"role": "system"}],
        ["hello", None],
        [],
        None,
        "hello",
    ],
)
def test_what_is_not_recognised_is_left_alone(messages: Any) -> None:
    assert not recognised(messages)
    assert arranged("S", messages, "full") == ("S", messages)


def test_the_front_has_nothing_of_the_users_own() -> None:
    front = front_of(request("my secret question"))
    assert "my secret question" not in str(front)
    assert text_of(request("hello")).startswith(text_of(front).removesuffix("."))
    assert front_of({"messages": [{"role": "user", "content": "hello"}]})["messages"] == []
    assert front_of({"messages": None})["messages"] == []
    assert folder_of_body(request(folder="/home/a b")) == "/home/a b"
