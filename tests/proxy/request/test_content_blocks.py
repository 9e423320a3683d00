"""Every kind of content block, and the request for a native server."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import subprocess
import sys
from typing import Any

import psutil
import pypdf
import pytest
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from anyclaude_tui import bounded
from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.bounded import in_thread
from anyclaude_tui.proxy.errors import ApiError
from anyclaude_tui.proxy.request import pdf as documents
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import UpstreamRequest, translate
from anyclaude_tui.proxy.request.passthrough import hygiene
from anyclaude_tui.proxy.request.pdf import pdf_text
from anyclaude_tui.proxy.wire.anthropic_events import signature
from tests.proxy.anthropic_requests import PIXEL
from tests.proxy.making import DATA_URL, IMAGE, assistant, call, result, system, user
from tests.support.waiting import until


def pdf(*pages: str) -> str:
    """A small real PDF with one line of text per page, as base64."""
    writer = pypdf.PdfWriter()
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    for text in pages:
        page = writer.add_blank_page(200, 200)
        page[NameObject("/Resources")] = DictionaryObject(
            {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
        )
        stream = DecodedStreamObject()
        stream.set_data(f"BT /F1 12 Tf 10 100 Td ({text}) Tj ET".encode())
        page[NameObject("/Contents")] = writer._add_object(stream)
    out = io.BytesIO()
    writer.write(out)
    return base64.b64encode(out.getvalue()).decode()


def translated(*blocks: Any, images: bool = False) -> UpstreamRequest:
    endpoint = Endpoint("u", "m", Dialect(images=images))
    return translate({"messages": [user(*blocks)]}, endpoint, CallMemory())


def content(*blocks: Any, images: bool = False) -> Any:
    return translated(*blocks, images=images).body["messages"][0]["content"]


def document(**source: Any) -> dict[str, Any]:
    return {"type": "document", "source": source}


# --- images ---------------------------------------------------------------------------------


def test_a_base64_image_for_a_model_that_sees() -> None:
    assert content("look:", IMAGE, "well?", "hm?", images=True) == [
        {"type": "text", "text": "look:"},
        {"type": "image_url", "image_url": {"url": DATA_URL}},
        {"type": "text", "text": "well?\n\nhm?"},
    ]


def test_an_image_counts_at_a_flat_rate() -> None:
    large = {**IMAGE, "source": {**IMAGE["source"], "data": "A" * 1_000_000}}  # type: ignore[dict-item]
    request = translated(large, images=True)
    assert request.prompt_bytes < 5_000
    assert request.sizes.messages_bytes > 1_000_000


def test_an_image_for_a_model_that_does_not_see_is_a_note() -> None:
    request = translated("look:", IMAGE)
    assert request.body["messages"][0]["content"] == (
        "look:\n\n[Image (image/png) left out: this model cannot see images]"
    )
    assert request.notices == ("image left out: the backend reads no images",)


@pytest.mark.parametrize("kind", ["image", "document"])
def test_urls_are_never_forwarded(kind: str) -> None:
    block = {"type": kind, "source": {"type": "url", "url": "http://10.0.0.1/x"}}
    text = content(block, images=True)
    assert isinstance(text, str)
    assert "http://10.0.0.1/x left out" in text
    assert translated(block).notices


@pytest.mark.parametrize(
    "source",
    [
        {"type": "base64", "media_type": "text/html", "data": PIXEL},
        {"type": "base64", "media_type": 'image/png"x', "data": PIXEL},
        {"type": "base64", "media_type": "image/png", "data": "not base64!"},
        {"type": "base64", "media_type": "image/png", "data": None},
        None,
    ],
)
def test_a_broken_image_is_refused(source: Any) -> None:
    with pytest.raises(ApiError, match=r"messages\.0\.content\.0\.image\.source"):
        content({"type": "image", "source": source}, images=True)


def test_files_of_the_files_api_are_notes() -> None:
    source = {"type": "file", "file_id": "file_1"}
    assert "left out" in content({"type": "image", "source": source})
    assert "left out" in content({"type": "document", "source": source})


# --- documents ------------------------------------------------------------------------------


def test_a_text_document_with_its_facts() -> None:
    block = {
        **document(type="text", media_type="text/plain", data="line\n  two"),
        "title": "Notes",
        "context": None,
        "citations": {"enabled": True},
    }
    assert content(block) == "<document>\n<title>Notes</title>\nline\n  two\n</document>"


def test_a_document_of_blocks() -> None:
    blocks = [{"type": "text", "text": "a"}, IMAGE]
    assert content(document(type="content", content=blocks), images=True) == [
        {"type": "text", "text": "<document>\na\n</document>"},
        {"type": "image_url", "image_url": {"url": DATA_URL}},
    ]
    assert content(document(type="content", content="b")) == "<document>\nb\n</document>"


def test_the_text_of_a_pdf() -> None:
    data = pdf("Hello from page one", "and two")
    text = content(document(type="base64", media_type="application/pdf", data=data))
    assert text == ("<document>\n[page 1]\nHello from page one\n[page 2]\nand two\n</document>")


def test_a_pdf_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pdf("only once")
    first = pdf_text(data)
    monkeypatch.setattr(documents, "_extract", lambda _: ("read again", ""))
    assert pdf_text(data) == first
    for number in range(40):
        pdf_text(f"AAA{number:05}")
    assert pdf_text(data) == ("read again", "")


def test_a_long_pdf_says_what_is_missing() -> None:
    text, problem = pdf_text(pdf("a long one", *map(str, range(2, 103))))
    assert "[page 100]" in text
    assert "[page 101]" not in text
    assert problem == "only the first 100 of the PDF's 102 pages are here"


def test_a_pdf_that_takes_too_long_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "READ_S", 0.01)
    text, problem = pdf_text(pdf("read for ever"))
    assert (text, problem) == (
        "",
        "PDF left out, as it could not be read: it was not done in 0.01 s",
    )


async def test_reading_a_pdf_ends_with_its_request() -> None:
    def children() -> list[psutil.Process]:
        found = psutil.Process().children(recursive=True)
        return [one for one in found if "pdf_child" in " ".join(one.cmdline())]

    data = pdf(*(f"page {n} of one that nobody reads" for n in range(100)))
    reading = asyncio.create_task(in_thread(pdf_text, data))
    await until(lambda: children() != [])
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until(lambda: children() == [])
    await until(lambda: not documents._lock.locked())
    assert hashlib.sha256(data.encode()).digest() not in documents._read


def test_the_child_has_limits_and_none_of_our_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "hunter2hunter2")
    script = "import os,sys,resource;from anyclaude_tui.bounded import limit_myself;"
    script += "limit_myself([str(2**29),'11']);print(resource.getrlimit(resource.RLIMIT_CPU)[0])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "11"
    assert "ANTHROPIC_API_KEY" not in bounded._ENVIRONMENT


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("not base64!", "not valid base64"),
        (base64.b64encode(b"no pdf at all").decode(), "cannot be read"),
        (base64.b64encode(b"%PDF-1.4\n" + b"\0" * 50).decode(), "cannot be read"),
        (pdf(""), "hold no text"),
    ],
)
def test_a_pdf_that_cannot_be_read_is_a_note(data: str, words: str) -> None:
    request = translated(document(type="base64", media_type="application/pdf", data=data))
    assert words in request.body["messages"][0]["content"]
    assert any(words in notice for notice in request.notices)


def test_another_kind_of_file_is_a_note() -> None:
    block = document(type="base64", media_type="application/zip", data="AAAA")
    assert "application/zip left out" in content(block)


def test_a_pdf_beside_a_result_as_claude_code_sends_it() -> None:
    block = document(type="base64", media_type="application/pdf", data=pdf("the text"))
    body = {
        "messages": [
            user("read it"),
            assistant(call("t", "Read")),
            user(result("t", "PDF file read: a.pdf"), block),
        ]
    }
    made = translate(body, Endpoint("u", "m"), CallMemory()).body["messages"]
    assert made[2]["content"] == "PDF file read: a.pdf"
    assert "the text" in made[3]["content"]


# --- the others -----------------------------------------------------------------------------


def test_a_search_result() -> None:
    block = {
        "type": "search_result",
        "source": "https://a",
        "title": "A",
        "content": [{"type": "text", "text": "found"}],
    }
    assert content(block) == (
        "<search_result>\n<source>https://a</source>\n<title>A</title>\nfound\n</search_result>"
    )


def test_server_tools_of_the_past_are_text() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}}
    found = {
        "type": "web_search_tool_result",
        "tool_use_id": "s",
        "content": [
            {
                "type": "web_search_result",
                "title": "A",
                "url": "https://a",
                "encrypted_content": "SECRET",
            }
        ],
    }
    body = {"messages": [user("q"), assistant(use, found, "so"), user("and?")]}
    request = translate(body, Endpoint("u", "m"), CallMemory())
    said = request.body["messages"][1]
    assert said["content"] == (
        '[Called web_search with {"query": "q"}]\n\n'
        "<server_tool_result>\n<tool>web_search</tool>\nA\nhttps://a\n</server_tool_result>\n\nso"
    )
    assert "tool_calls" not in said
    assert len(request.notices) == 2


def test_an_unknown_block_is_a_note() -> None:
    request = translated({"type": "hologram", "data": 1}, "hi")
    assert request.body["messages"][0]["content"] == "[hologram left out: not supported]\n\nhi"
    assert request.notices == ("content block of unknown type hologram left out",)


# --- native servers -------------------------------------------------------------------------

NATIVE = Endpoint(
    "http://127.0.0.1:1/v1/messages", "real-model", Dialect(late_system="system"), native=True
)


def test_a_native_request_keeps_everything_that_is_not_named() -> None:
    body = {
        "model": "claude-x",
        "max_tokens": 5,
        "system": [
            {"type": "text", "text": "x-anthropic-billing-header: v;"},
            {"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}},
        ],
        "tools": [{"type": "web_search_20250305", "name": "web_search"}],
        "thinking": {"type": "adaptive"},
        "messages": [user("a"), system("late"), user(IMAGE, "b")],
        "stream": False,
        "context_management": {"edits": []},
    }
    before = json.dumps(body)
    made = hygiene(body, NATIVE, CallMemory())
    assert json.dumps(body) == before
    assert made == {
        **body,
        "model": "real-model",
        "system": [{"type": "text", "text": "S", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}]},
            {"role": "system", "content": [{"type": "text", "text": "late"}]},
            user(IMAGE, "b"),
        ],
    }
    assert list(made) == list(body)


def test_a_native_request_has_the_raw_tool_input_and_no_thinking_of_ours() -> None:
    memory = CallMemory()
    memory.remember("t", "Edit", '{"b": "x ", "a": "5"}')
    ours = {"type": "thinking", "thinking": "hm", "signature": signature("msg_1", 0)}
    theirs = {"type": "thinking", "thinking": "hm", "signature": "EqQBCgIYAhIM"}
    body = {
        "model": "m",
        "messages": [
            user("a"),
            assistant(ours, theirs, call("t", "Edit", a=5, b="x", c=False)),
            user(result("t", "ok")),
            assistant(ours),
            user("b"),
        ],
    }
    made = hygiene(body, NATIVE, memory)["messages"]
    assert made[1]["content"] == [theirs, call("t", "Edit", b="x ", a="5")]
    assert list(made[1]["content"][1]["input"]) == ["b", "a"]
    assert [m["role"] for m in made] == ["user", "assistant", "user", "user"]


def test_a_strict_native_server_gets_late_system_messages_as_text() -> None:
    strict = Endpoint("u", "m", Dialect(late_system="folded"), native=True)
    body = {
        "messages": [
            user("a"),
            system("one"),
            assistant(call("t")),
            system("two"),
            user(result("t", "ok")),
            system("three"),
        ]
    }
    made = hygiene(body, strict, CallMemory())["messages"]
    assert [m["role"] for m in made] == ["user", "user", "assistant", "user", "user", "user"]
    assert made[3]["content"][0]["type"] == "tool_result"
    texts = [m["content"][0].get("text") for m in made]
    reminder = "<system-reminder>\n{}\n</system-reminder>"
    assert texts[1] == reminder.format("one")
    assert texts[4:] == [reminder.format("two"), reminder.format("three")]


def test_a_native_request_without_system_or_messages() -> None:
    billing = [{"type": "text", "text": "x-anthropic-billing-header: v;"}]
    assert hygiene({"system": billing, "x": 1}, NATIVE, CallMemory()) == {
        "x": 1,
        "model": "real-model",
    }
