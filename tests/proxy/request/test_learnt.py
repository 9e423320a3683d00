"""A lesson that did not help is forgotten (what lessons there are: through the exchange)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.request.learnt import Learnt, lesson, with_tool_names

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


def tool(name: str, **member: object) -> dict[str, object]:
    schema = {"type": "object", "properties": {"path": {"type": "string", **member}}}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ("failed to parse grammar", "of Grep or Glob:"),
        ("failed to parse grammar: root ::= Read", "of Read:"),
    ],
    ids=["by what is left out", "by the server"],
)
def test_a_grammar_that_refuses_a_schema_is_told_with_the_tools_name(
    words: str, named: str
) -> None:
    tools = [tool("Read"), tool("Grep", pattern="^a$"), tool("Glob", maxLength=9)]
    found = lesson(words, {"tools": tools}, Dialect())
    assert found is not None
    assert named in found.words
    many = [tool(f"T{number}", format="uri") for number in range(9)]
    found = lesson("failed to parse grammar", {"tools": many}, Dialect())
    assert found is not None
    assert "T0 or T1 or T2 or 6 more" in found.words
    nothing_to_leave_out = {"tools": [tool("Read")]}
    found = lesson("failed to parse grammar", nothing_to_leave_out, Dialect())
    assert found is not None  # tried once all the same: servers fail so for the moment, too
    plain = replace(Dialect(), plain_schemas=True)
    assert lesson("failed to parse grammar", nothing_to_leave_out, plain) is None


NO_PARSER = "Unable to generate parser for this template. Automatic parser generation failed: "


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (f"{NO_PARSER}JSON schema error at #/properties/path: cannot resolve $ref", "Read or Grep"),
        (f"{NO_PARSER}JSON schema error at #/properties/other: unrecognized type", "Grep"),
        ("failed to parse grammar", "Grep"),
        ("out of memory", ""),
    ],
)
def test_a_schema_that_cannot_be_mended_is_told_with_its_tool(words: str, told: str) -> None:
    """llama.cpp (xllamacpp 2026.10): it is no fault of the template's, and not tried otherwise."""
    grep = tool("Grep", pattern="a")
    grep["function"]["parameters"]["properties"]["other"] = {}  # type: ignore[index]
    body = {"tools": [tool("Read"), grep]}
    assert with_tool_names(words, body) == words + (f" (the schema of {told})" if told else "")
    assert with_tool_names(words, {}) == words
    assert lesson(words, body, Dialect(plain_schemas=True)) is None
