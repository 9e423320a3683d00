"""Any valid Messages request, as hypothesis strategies, for the property tests."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TEXT = st.text(max_size=40)
NAMES = ("Bash", "Read", "Edit", "mcp__files__list")
PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
    "gg=="
)

cache: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"cache_control": {"type": "ephemeral"}}]
)


def with_cache(block: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return cache.map(lambda mark: {**block, **mark})


texts = TEXT.map(lambda text: {"type": "text", "text": text}).flatmap(with_cache)
images = st.sampled_from(
    [
        {"type": "base64", "media_type": "image/png", "data": PIXEL},
        {"type": "url", "url": "http://169.254.169.254/secret.png"},
        {"type": "file", "file_id": "file_1"},
    ]
).map(lambda source: {"type": "image", "source": source})
documents = st.builds(
    lambda source, title: {"type": "document", "source": source, "title": title},
    st.sampled_from(
        [
            {"type": "text", "media_type": "text/plain", "data": "plain text"},
            {"type": "url", "url": "http://169.254.169.254/secret.pdf"},
            {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjQK"},
            {
                "type": "content",
                "content": [
                    {"type": "text", "text": "part"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PIXEL},
                    },
                ],
            },
            {"type": "content", "content": "a string"},
        ]
    ),
    st.none() | TEXT,
)
search_results = TEXT.map(
    lambda text: {
        "type": "search_result",
        "source": "https://example.org",
        "title": "T",
        "content": [{"type": "text", "text": text}],
    }
)
result_blocks = (
    texts
    | images
    | documents
    | search_results
    | st.just({"type": "tool_reference", "tool_name": "Read"})
)
user_blocks = texts | images | documents | search_results
server_blocks = st.sampled_from(
    [
        {
            "type": "server_tool_use",
            "id": "srvtoolu_1",
            "name": "web_search",
            "input": {"query": "q"},
        },
        {
            "type": "web_search_tool_result",
            "tool_use_id": "srvtoolu_1",
            "content": [
                {"type": "web_search_result", "url": "https://a", "title": "A", "page_age": None}
            ],
        },
        {
            "type": "code_execution_tool_result",
            "tool_use_id": "srvtoolu_2",
            "content": {"type": "code_execution_result", "stdout": "1", "return_code": 0},
        },
    ]
)
thoughts = st.sampled_from(
    [
        {"type": "thinking", "thinking": "let me see", "signature": "abc"},
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "redacted_thinking", "data": "xyz"},
    ]
)
inputs = st.dictionaries(
    TEXT,
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | TEXT,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
        max_leaves=5,
    ),
    max_size=4,
)


counts = st.integers(0, 3)
maybe_true = st.booleans()


@st.composite
def conversations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """User first; calls and their results, system messages, merged and split turns."""
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": draw(TEXT.filter(bool) | st.lists(user_blocks, min_size=1))}
    ]
    messages[0]["content"] = [
        {"type": "text", "text": "start"},
        *(
            messages[0]["content"]
            if isinstance(messages[0]["content"], list)
            else [{"type": "text", "text": messages[0]["content"]}]
        ),
    ]
    number = 0
    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            messages.append({"role": "system", "content": draw(TEXT | st.lists(texts, max_size=2))})
        said = draw(st.lists(texts | thoughts | server_blocks, max_size=3))
        calls = []
        for _ in range(draw(counts)):
            number += 1
            calls.append(
                {
                    "type": "tool_use",
                    "id": f"toolu_{number}",
                    "name": draw(st.sampled_from(NAMES)),
                    "input": draw(inputs),
                }
            )
        said = [*said, *calls]
        if not said:
            messages.append({"role": "assistant", "content": draw(TEXT)})
        else:
            cut = draw(st.integers(1, len(said)))
            halves = (said[:cut], said[cut:])
            messages += [{"role": "assistant", "content": half} for half in halves if half]
        if draw(maybe_true) and calls:
            messages.append({"role": "system", "content": "[SYSTEM-BETWEEN]"})
        answers: list[dict[str, Any]] = []
        for call in draw(st.permutations(calls)):
            answer: dict[str, Any] = {"type": "tool_result", "tool_use_id": call["id"]}
            content = draw(st.none() | TEXT | st.lists(result_blocks, max_size=3))
            if content is not None:
                answer["content"] = content
            if draw(st.booleans()):
                answer["is_error"] = draw(st.booleans())
            answers.append(answer)
        rest = draw(st.lists(user_blocks, max_size=2))
        if answers or rest:
            messages.append({"role": "user", "content": [*answers, *rest]})
        else:
            messages.append({"role": "user", "content": draw(TEXT)})
    return messages


schemas = st.sampled_from(
    [
        {"type": "object", "properties": {"command": {"type": "string"}}, "required": ["command"]},
        {"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object"},
        {},
    ]
)


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    """Any valid request: every field present or not, null where null is allowed."""
    body: dict[str, Any] = {
        "model": draw(st.sampled_from(["claude-sonnet-4-5", "local", ""])),
        "max_tokens": draw(st.integers(1, 64_000)),
        "messages": draw(conversations()),
    }
    names = draw(st.lists(st.sampled_from(NAMES), unique=True))
    tools: list[dict[str, Any]] = [
        {"name": name, "description": draw(TEXT), "input_schema": draw(schemas)} for name in names
    ]
    tools += draw(
        st.lists(
            st.sampled_from(
                [
                    {"type": "web_search_20250305", "name": "web_search", "max_uses": 5},
                    {"type": "bash_20250124", "name": "bash"},
                    {"type": "code_execution_20250522", "name": "code_execution"},
                ]
            ),
            max_size=2,
        )
    )
    choices: list[dict[str, Any]] = [{"type": kind} for kind in ("auto", "any", "none")]
    choices += [{"type": "tool", "name": name} for name in names]
    maybe: dict[str, st.SearchStrategy[Any]] = {
        "system": TEXT | st.lists(texts, max_size=3),
        "tools": st.just(tools),
        "tool_choice": st.builds(
            lambda choice, single: {**choice, "disable_parallel_tool_use": single},
            st.sampled_from(choices),
            st.booleans(),
        ),
        "thinking": st.sampled_from(
            [
                {"type": "adaptive"},
                {"type": "disabled"},
                {"type": "enabled", "budget_tokens": 31_999},
                {"type": "enabled", "budget_tokens": 1_024},
            ]
        ),
        "output_config": st.sampled_from(
            [
                {"effort": "high"},
                {"effort": "max"},
                {"effort": "low", "format": {"type": "json_schema", "schema": {"type": "object"}}},
                {"format": {"type": "json_schema", "schema": {"type": "object"}}},
                {},
            ]
        ),
        "stop_sequences": st.lists(TEXT, max_size=6),
        "temperature": st.floats(0, 1),
        "top_p": st.floats(0, 1),
        "top_k": st.integers(0, 100),
        "metadata": st.just({"user_id": "{}"}),
        "context_management": st.just({"edits": []}),
        "service_tier": st.just("auto"),
        "stream": st.booleans(),
        "some_new_beta_field": st.just({"a": [1]}),
    }
    for field, values in maybe.items():
        if draw(st.booleans()):
            body[field] = draw(st.none() | values)
    return body
