"""Where the pieces of a chat stand in its rendering, and how many tokens each has: with templates
of many forms, the tiny model's own, and the real llama.cpp."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.models import files
from anyclaude_tui.backends.templates.jinja import renderer
from anyclaude_tui.backends.templates.pieces import renderings_wanted, spans, tokens_in
from anyclaude_tui.backends.templates.tokens import PieceTokens, _starts, piece_tokens
from tests.backends.conftest import Make
from tests.backends.templates import small
from tests.proxy.making import BASH, IMAGE, assistant, call, request_for, result, system, user
from tests.support import chat_templates
from tests.support.assets import LLAMA_ARGS, TINY_GGUF, TINY_MODEL

HOW = Dialect(enable_thinking=True, reasoning_history="reasoning_content")
BLOCKS = ("You are an agent. ", "Be careful, “so” <b>careful</b>. 🙂")
TOOLS = [{**BASH, "name": name, "description": name * 9} for name in ("Bash", "Grep", "Write")]
MESSAGES = (
    user("  first words 🙂\n"),
    assistant({"type": "thinking", "thinking": "thought", "signature": ""}, call("a", command="l")),
    user(result("a", "the result")),
    assistant("said"),
    system("a reminder"),
    user("last words"),
)
WORD = "qxmark"
ALL = [chat_templates.PLAIN, chat_templates.STRIPS, small.PLAIN, small.STRIPS, small.LATE_MOVED]


def body(*messages: Any, tools: Any = TOOLS, **more: Any) -> dict[str, Any]:
    text = [{"type": "text", "text": block} for block in BLOCKS]
    return request_for(HOW, system=text, messages=list(messages), tools=tools, **more).body


def system_chars(made: Mapping[str, Any]) -> list[int]:
    """The blocks as the prefix explainer cuts them."""
    content = made["messages"][0]["content"]
    first = content.index(BLOCKS[1])
    return [first, len(content) - first]


def placed(template: str, made: dict[str, Any]) -> list[str] | None:
    """The text of each piece."""
    render = renderer(template, {})
    texts = [render(wanted) for wanted in renderings_wanted(made, WORD)]
    found = spans(made, texts, WORD, system_chars(made))
    return None if found is None else [texts[0][slice(*span)] for span in found]


@pytest.mark.parametrize("template", ALL)
def test_every_piece_is_found_whatever_the_template_s_form(template: str) -> None:
    made = body(*MESSAGES)
    pieces = placed(template, made)
    assert pieces is not None
    assert len(pieces) == 2 + len(TOOLS) + len(made["messages"]) - 1
    one, two, *rest = pieces
    assert one.strip() == BLOCKS[0].strip()
    assert two == BLOCKS[1]
    names = [json.loads(text.strip(" ,\n"))["function"]["name"] for text in rest[: len(TOOLS)]]
    assert names == ["Bash", "Grep", "Write"]
    said = rest[len(TOOLS) :]
    assert said[0].strip() == "first words 🙂"
    assert "Bash" in said[1]
    assert "command" in said[1]
    assert ("thought" in said[1]) == (template is chat_templates.PLAIN)
    assert said[2] == "the result"
    assert said[-1].endswith("last words")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_tools(count: int) -> None:
    pieces = placed(chat_templates.PLAIN, body(user("hi"), tools=TOOLS[:count]))
    assert pieces is not None
    assert len(pieces) == 2 + count + 1
    for text in pieces[2:-1]:
        assert json.loads(text)["type"] == "function"


def test_tools_that_are_not_rendered_have_no_tokens() -> None:
    made = body(user("hi"))
    first = made["messages"][0]["content"][: system_chars(made)[0]]
    assert placed(small.NO_TOOLS, made) == [first, BLOCKS[1], "", "", "", "hi"]


def test_a_template_that_looks_at_what_it_renders_tells_nothing() -> None:
    looks = "{% for m in messages %}{{ m.content | length }}{{ m.content }}{% endfor %}"
    assert placed(looks, body(user("hi"))) is None
    twice = "{% for m in messages %}{{ m.content }}{{ messages[0].content }}{% endfor %}"
    assert placed(twice, body(user("hi"))) is None


def test_images_are_not_counted() -> None:
    made = request_for(Dialect(images=True), messages=[user("look", IMAGE)]).body
    with pytest.raises(ValueError, match="images"):
        renderings_wanted(made, WORD)


def test_tokens_are_those_that_begin_in_a_span() -> None:
    assert tokens_in((2, 5), [0, 1, 2, 4, 4, 5, 9]) == 3
    assert tokens_in((3, 3), [0, 3, 4]) == 0


def test_pieces_of_bytes_are_the_text_or_nothing() -> None:
    smile = "🙂".encode()
    tokens: list[dict[str, Any]] = [
        {"piece": "<s>"},
        {"piece": "a"},
        {"piece": list(smile[:2])},
        {"piece": list(smile[2:])},
    ]
    assert _starts([*tokens, {"piece": "b"}], "a🙂b") == [0, 0, 1, 1, 2]
    assert _starts(tokens, "something else") is None
    assert _starts([], "") is None


# --- real ones ----------------------------------------------------------------------------------


async def counted(endpoint: Endpoint, made: dict[str, Any], **more: Any) -> PieceTokens | None:
    return await piece_tokens(endpoint, json.dumps(made).encode(), system_chars(made), **more)


async def reported(endpoint: Endpoint, made: dict[str, Any]) -> int:
    """What the server says that this prompt has."""
    asked = {**made, "stream": False, "max_tokens": 1}
    asked.pop("stream_options", None)
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.post(endpoint.url, json=asked, headers=dict(endpoint.headers))
    assert answer.status_code == 200, answer.text
    return int(answer.json()["usage"]["prompt_tokens"])


def check(found: PieceTokens | None, total: int, made: dict[str, Any]) -> None:
    assert found is not None
    assert found.total == total
    assert len(found.pieces) == 2 + len(TOOLS) + len(made["messages"]) - 1
    assert all(found.pieces)
    assert 0 < found.template < total / 2


@pytest.mark.e2e
async def test_llama_cpp_tells_as_many_as_it_counts(make: Make, tmp_path: Path) -> None:
    template = tmp_path / "template.jinja"
    template.write_text(chat_templates.PLAIN)
    for args in (LLAMA_ARGS, (*LLAMA_ARGS, "--chat-template-file", str(template))):
        backend: Any = make(kind="llama_cpp", model=str(TINY_GGUF), args=args)
        await backend.start()
        made = {**body(*MESSAGES), "model": backend.endpoint.model}
        endpoint = backend.endpoint
        check(await counted(endpoint, made), await reported(endpoint, made), made)
        await backend.stop()
        assert await counted(endpoint, made) is None, "it has gone"


@pytest.mark.e2e
async def test_the_child_counts_what_mlx_lm_counts(make: Make) -> None:
    backend: Any = make(kind="mlx_lm", model=str(TINY_MODEL))
    await backend.start()
    known_files = files.read(TINY_MODEL)
    made = {**body(*MESSAGES), "model": backend.endpoint.model}
    known = {"template": known_files.chat_template, "special": known_files.special_tokens}
    found = await counted(backend.endpoint, made, **known)
    check(found, await reported(backend.endpoint, made), made)


async def test_a_template_without_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    from anyclaude_tui.backends.templates import tokens

    monkeypatch.setattr(tokens, "SECONDS", 1.0)
    endpoint = Endpoint("http://127.0.0.1:1/v1", "m", tokenizer_dir=str(TINY_MODEL))
    assert await counted(endpoint, body(user("hi")), template=small.ENDLESS) is None
    assert await counted(endpoint, body(user("hi")), template="{% for %}") is None
