"""The explainer over many requests: what is compared with what, what is kept, what is estimated."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.slots.source import decide
from anyclaude_tui.backends.templates.parting import Parting
from anyclaude_tui.figures import UNKNOWN, Source, estimated, reported
from anyclaude_tui.prefix.divergence import Cause, Comparison
from anyclaude_tui.telemetry.events import RequestRecord, Role
from anyclaude_tui.telemetry.explain import Explainer
from tests.proxy.conversations import body, changed, longer, prompt, text, upstream
from tests.telemetry.records import record

ENDPOINT = Endpoint("http://127.0.0.1:1/v1/chat/completions", "m", Dialect())


class Asker:
    """Sends requests past an explainer, one after the other."""

    def __init__(self, explainer: Explainer | None = None) -> None:
        self.explainer = explainer or Explainer()
        self.count = 0

    def ask(
        self, request: dict[str, Any], endpoint: Endpoint = ENDPOINT, **fields: Any
    ) -> tuple[Comparison, RequestRecord]:
        self.count += 1
        made = record(f"req_{self.count}", sent_at=100.1, prompt_tokens=estimated(1000), **fields)
        self.send(made, request, endpoint)
        made.attempt.first_delta_at, made.attempt.last_delta_at, made.ended_at = 110.0, 111.0, 111.0
        self.explainer.ended(made)
        found = self.explainer.comparison(made.id)
        assert found is not None
        return found, made

    def send(self, made: RequestRecord, request: dict[str, Any], endpoint: Endpoint) -> None:
        sent = msgspec.json.encode(upstream(request))
        self.explainer.sent(made, request, sent, endpoint)


def test_a_conversation_that_grows_is_reused_and_the_estimate_says_how_much() -> None:
    asker = Asker()
    found, made = asker.ask(body())
    assert found.cause is Cause.FIRST
    assert made.attempt.cached_tokens == estimated(0)
    found, made = asker.ask(longer())
    assert found.cause is Cause.EXTENDED
    share = prompt(body()).size_bytes / prompt(longer()).size_bytes
    assert made.attempt.cached_tokens == estimated(round(1000 * share))
    assert made.why.startswith("prefill: about 1,000 tokens, about ")


def test_what_the_backend_reports_is_not_touched() -> None:
    asker = Asker()
    asker.ask(body())
    _, made = asker.ask(body(), cached_tokens=reported(3))
    assert made.attempt.cached_tokens == reported(3)


@pytest.mark.parametrize("kind", ["openai", "anthropic"])
def test_no_estimate_where_no_prefix_cache_is_known(kind: str) -> None:
    asker = Asker()
    asker.ask(body(), kind=kind)
    _, made = asker.ask(body(), kind=kind)
    assert made.attempt.cached_tokens == UNKNOWN


def test_no_estimate_for_a_request_that_got_nothing() -> None:
    explainer = Explainer()
    made = record(sent_at=100.1, prompt_tokens=estimated(10))
    explainer.sent(made, body(), msgspec.json.encode(upstream(body())), ENDPOINT)
    explainer.ended(made)
    assert made.attempt.cached_tokens == UNKNOWN


def test_subagents_and_titles_are_conversations_of_their_own() -> None:
    asker = Asker()
    asker.ask(body())
    title = {
        "messages": [{"role": "user", "content": "Title?"}],
        "system": "Make titles.",
        "max_tokens": 9,
    }
    found, _ = asker.ask(title, role=Role.BACKGROUND)
    assert found.cause is Cause.FIRST
    found, made = asker.ask(longer(), cached_tokens=reported(0))
    assert found.cause is Cause.EXTENDED
    assert found.between == "a background request ran in between"
    assert "the backend kept nothing of it (a background request ran" in made.why


def test_an_agents_first_prompt_is_the_first_of_its_kind() -> None:
    """Whatever other agent ran before."""
    asker = Asker()
    agent: dict[str, Any] = {"role": Role.SUBAGENT, "agent_id": "a"}
    assert asker.ask(body(), **agent)[0].cause is Cause.FIRST
    other = changed("You are", "I am")
    found, made = asker.ask(other, **agent | {"agent_id": "b"})
    assert found.cause is Cause.FIRST
    assert "the first prompt of its kind" in made.why
    found, _ = asker.ask(changed("what does a.py do?", "and b.py?"), **agent | {"agent_id": "c"})
    assert found.cause in (Cause.NEW, Cause.EXTENDED, Cause.SAME)  # one of the first kind again


def test_background_requests_are_compared_with_their_kind() -> None:
    asker = Asker()
    asker.ask(longer(2))
    title = {"messages": [{"role": "user", "content": "Title?"}], "system": "Make titles."}
    search = {"messages": [{"role": "user", "content": "Search!"}], "system": "You search."}
    assert asker.ask(title, role=Role.BACKGROUND)[0].cause is Cause.FIRST
    found, made = asker.ask(search, role=Role.BACKGROUND)
    assert found.cause is Cause.FIRST
    assert "the prompt changed" not in made.why
    recap = longer(2)
    recap["messages"] = [*recap["messages"], {"role": "user", "content": "Recap."}]
    assert asker.ask(recap, role=Role.BACKGROUND)[0].cause is Cause.EXTENDED
    assert asker.ask(longer(3))[0].cause is Cause.EXTENDED


def test_with_one_slot_the_last_prompt_counts_with_more_the_last_ones() -> None:
    other = changed("Rule 0", "Another 0", changed("You are", "I am"))
    for slots, warm in ((1, False), (2, True)):
        asker = Asker()
        endpoint = Endpoint(ENDPOINT.url, "m", Dialect(), slots=decide(said=slots))
        asker.ask(body(), endpoint)
        asker.ask(other, endpoint, agent_id="sub", role=Role.SUBAGENT)
        _, made = asker.ask(body(), endpoint)
        assert (made.attempt.cached_tokens.value == 1000) is warm
        assert made.attempt.cached_tokens.source is Source.ESTIMATED


def test_a_new_session_is_compared_with_the_nearest_earlier_one() -> None:
    asker = Asker()
    asker.ask(body(), session_id="a")
    asker.ask(changed("Rule 0", "Another 0"), session_id="b")
    found, made = asker.ask(changed(" M a.py\n", ""), session_id="c")
    assert (found.cause, found.place) == (Cause.GIT_STATUS, "system block 2")
    assert found.against == "an earlier conversation"
    assert "the prompt changed at system block 2, " in made.why
    assert "(git status)" in made.why


def test_a_switch_and_the_way_back() -> None:
    asker = Asker()
    asker.ask(body(), backend="a")
    found, made = asker.ask(longer(1), backend="b")
    assert found.cause is Cause.SWITCH
    assert made.why.endswith("the conversation came from a, so the cache is cold")
    found, _ = asker.ask(longer(2), backend="a")
    assert found.cause is Cause.EXTENDED  # the first backend may still have it
    other = Endpoint(ENDPOINT.url, "m2")
    assert "the model changed from m to m2" in asker.ask(longer(2), other, backend="a")[0].what
    fresh = Endpoint("http://127.0.0.1:2/v1", "m")
    asker.ask(longer(2), backend="c")
    assert "c was started anew" in asker.ask(longer(2), fresh, backend="c")[0].what


def test_a_client_without_sessions_goes_on_where_it_was() -> None:
    asker = Asker()
    first: dict[str, Any] = {
        "messages": [{"role": "user", "content": "tell me a story"}],
        "max_tokens": 9,
    }
    second: dict[str, Any] = {**first, "messages": [{"role": "user", "content": "count to ten"}]}
    more = [{"role": "assistant", "content": "Once"}, {"role": "user", "content": "go on"}]
    asker.ask(first, session_id="")
    assert asker.ask(second, session_id="")[0].cause is Cause.NEW
    grown = {**second, "messages": [*second["messages"], *more]}
    assert asker.ask(grown, session_id="")[0].cause is Cause.EXTENDED


def test_a_request_that_is_sent_again_is_not_compared_with_itself() -> None:
    asker = Asker()
    asker.ask(body())
    made = record("req_again", sent_at=100.1, prompt_tokens=estimated(1000), retries=1)
    asker.send(made, longer(), ENDPOINT)
    asker.send(made, longer(), ENDPOINT)
    found = asker.explainer.comparison("req_again")
    assert found is not None
    assert found.cause is Cause.EXTENDED


def test_memory_is_bounded_by_bytes_and_by_count() -> None:
    big = changed("what does a.py do?", "x" * 100_000)
    asker = Asker(Explainer(max_bytes=1_000_000, max_prompts=5))
    for number in range(30):
        asker.ask(big, session_id=f"s{number}")
        assert asker.explainer.size_bytes <= 1_000_000
    small = body()
    small["messages"][0]["content"].append(text("!"))
    for number in range(20):
        asker.ask(small, session_id=f"t{number}")
    assert asker.explainer.size_bytes < 5 * 8_000
    tiny = Explainer(max_bytes=10)
    Asker(tiny).ask(body())
    assert tiny.size_bytes == 0
    for _ in range(1100):
        asker.ask(small, session_id="same")
    assert asker.explainer.comparison("req_1") is None


def test_messages_that_only_grew_and_a_template_that_renders_them_anew() -> None:
    asker = Asker()
    asker.ask(body())
    made = record("req_9", sent_at=100.1, prompt_tokens=estimated(1000))
    asker.send(made, longer(), ENDPOINT)
    assert asker.explainer.grew("req_9")
    told = asker.explainer.comparison("req_9")
    assert told is not None
    asker.explainer.rendered("req_9", Parting(before=900, now=1000, shared=895, message=3))
    assert asker.explainer.comparison("req_9") == told, "a line end is not worth a word"
    asker.explainer.rendered("req_9", Parting(before=900, now=1000, shared=200, message=3))
    made.attempt.first_delta_at, made.attempt.last_delta_at, made.ended_at = 110.0, 111.0, 111.0
    asker.explainer.ended(made)
    found = asker.explainer.comparison("req_9")
    assert found is not None
    assert found.cause is Cause.RENDERED
    assert found.place == "message 3"
    assert found.shared_bytes == round(found.size_bytes * 0.2)
    assert found.cost_bytes > 0.5 * told.shared_bytes
    assert made.attempt.cached_tokens == estimated(200)
    words = "the chat template renders earlier turns anew, from message 3 on"
    assert made.why.endswith(words)
    asker.explainer.rendered("req_gone", Parting(900, 1000, 200))
