"""A lesson that did not help is forgotten (what lessons there are: through the exchange)."""

from __future__ import annotations

from anyclaude_tui.backends.base import Dialect, Endpoint
from anyclaude_tui.proxy.request.learnt import Learnt

WORDS = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."


def test_the_same_refusal_again_unlearns_what_it_taught() -> None:
    learnt, endpoint = Learnt(), Endpoint("http://127.0.0.1:1/v1", "m", Dialect())
    assert learnt.learn(endpoint, {"max_tokens": 5}, WORDS)
    changed = learnt.applied(endpoint)
    assert changed.dialect.max_tokens_name == "max_completion_tokens"
    assert learnt.learn(changed, {"max_completion_tokens": 5}, "another fault") == ""
    assert learnt.applied(endpoint) == changed
    assert learnt.learn(changed, {"max_completion_tokens": 5}, WORDS) == ""
    assert learnt.applied(endpoint).dialect.max_tokens_name == "max_tokens"
    assert learnt.learn(endpoint, {"max_tokens": 5}, WORDS)
