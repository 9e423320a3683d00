"""Every block type of the API is decided on: none is lost because nobody thought of it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import anthropic.types
import anthropic.types.beta
import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.content_blocks import is_decided
from anyclaude_tui.proxy.request.openai import UpstreamRequest, translate
from tests.proxy.test_learnt import TOOL

_TYPE = re.compile(r'^    type: (?:Required\[)?Literal\["(\w+)"\]', re.MULTILINE)


def modules(package: ModuleType) -> Iterator[str]:
    """The modules of the package whose classes are content blocks of a message."""
    union = package.__name__.rpartition(".")[2] == "beta"
    for name in ("beta_content_block_param",) if union else ("content_block_param",):
        source = inspect.getsource(importlib.import_module(f"{package.__name__}.{name}"))
        yield from re.findall(r"^from \.(\w+) import", source, re.MULTILINE)
    for found in pkgutil.iter_modules(package.__path__):
        if re.search(
            r"(?:tool_(?:addition|removal)|compaction|fallback|mid_conv\w*)_block", found.name
        ):
            yield found.name


def block_types() -> set[str]:
    found = set()
    for package in (anthropic.types, anthropic.types.beta):
        for name in modules(package):
            source = inspect.getsource(importlib.import_module(f"{package.__name__}.{name}"))
            found |= set(_TYPE.findall(source)[-1:])
    return found


def test_every_block_type_of_the_installed_sdk_is_decided_on() -> None:
    known = block_types()
    assert {"text", "tool_use", "compaction", "tool_removal", "fallback"} <= known  # it does look
    assert {kind for kind in known if not is_decided(kind)} == set()


def request(messages: list[Any], **body: Any) -> UpstreamRequest:
    endpoint = Endpoint("http://127.0.0.1/v1/chat/completions", "m", Dialect())
    return translate({"max_tokens": 9, "messages": messages, **body}, endpoint, CallMemory())


def said(upstream: UpstreamRequest) -> str:
    return "\n".join(f"{m['role']}: {m['content']}" for m in upstream.body["messages"])


def names(upstream: UpstreamRequest) -> list[str]:
    return [tool["function"]["name"] for tool in upstream.body.get("tools", ())]


def test_an_instruction_in_mid_conversation_reaches_the_model_as_the_systems() -> None:
    instruction = {"type": "mid_conv_system", "content": [{"type": "text", "text": "Be brief."}]}
    hello = {"type": "text", "text": "hello"}
    made = request([{"role": "user", "content": [hello, instruction]}])
    assert "hello" in said(made)
    assert "<system-reminder>\nBe brief.\n</system-reminder>" in said(made)
    assert made.notices == ()


BASH = {"name": "Bash", "description": "Run", "input_schema": {"type": "object"}}
GO = {"role": "user", "content": "go"}


def change(kind: str, **tool: Any) -> dict[str, Any]:
    return {"role": "system", "content": [{"type": kind, "tool": tool}]}


def test_a_withdrawn_tool_is_no_longer_offered() -> None:
    removal = change("tool_removal", type="tool_reference", name="Bash")
    made = request([GO, removal], tools=[BASH, TOOL])
    assert names(made) == ["Grep"]
    assert "Bash" not in made.tools  # a call of it is a call of no tool
    assert "[Tool Bash was withdrawn]" in said(made)
    back = change("tool_addition", type="tool_reference", name="Bash")
    assert names(request([GO, removal, back], tools=[BASH, TOOL])) == ["Grep", "Bash"]


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_tool_that_the_conversation_defines_is_offered(wrapped: bool) -> None:
    addition = change("tool_addition", type="tool_definition", definition=TOOL)
    if wrapped:
        block = {"type": "mid_conv_system", "content": addition["content"]}
        addition = {"role": "user", "content": [block]}
    made = request([GO, addition], tools=[BASH])
    assert names(made) == ["Bash", "Grep"]
    assert "[Tool Grep is available from here on]" in said(made)


def test_a_summary_stands_for_what_came_before_it() -> None:
    removal = {"type": "tool_removal", "tool": {"type": "tool_reference", "name": "Bash"}}
    block = {"type": "compaction", "content": "We fixed the bug.", "tool_changes": [removal]}
    text = {"type": "text", "text": "And now?"}
    made = request(
        [GO, {"role": "assistant", "content": [block, text]}, {"role": "user", "content": "on"}],
        tools=[BASH, TOOL],
    )
    assert [message["role"] for message in made.body["messages"]] == ["user", "assistant", "user"]
    assert "We fixed the bug." in made.body["messages"][0]["content"]
    assert "go" not in said(made).split()
    assert names(made) == ["Grep"]


def test_a_summary_that_failed_is_nothing() -> None:
    failed = {"type": "compaction", "content": None}
    made = request([{"role": "user", "content": [failed, {"type": "text", "text": "go"}]}])
    assert said(made) == "user: go"


def test_what_cannot_be_kept_is_left_out_with_a_notice() -> None:
    upload = {"type": "container_upload", "file_id": "file_1"}
    made = request([{"role": "user", "content": [upload]}])
    assert "file_1 left out" in said(made)
    assert made.notices
