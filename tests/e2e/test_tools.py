"""Claude Code's tools, driven by a scripted model through the proxy: what local models really send,
and what Claude Code makes of it.
"""

from __future__ import annotations

import json
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.claude import Claude, allow
from tests.e2e.conftest import Rig
from tests.e2e.servers import serve
from tests.support.upstream import Reply, Seen, Upstream, say, use
from tests.support.wire import call, call_in_pieces, ending, reasoning, text

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]


def bash(command: str, **options: Any) -> bytes:
    """A call of the Bash tool."""
    return call("Bash", {"command": command, "description": "Test"}, **options)


def calls(seen: Seen) -> list[dict[str, Any]]:
    """All tool calls in the history that the upstream got."""
    found = (message.get("tool_calls") or [] for message in seen.messages)
    return [entry for group in found for entry in group]


def results(seen: Seen) -> list[dict[str, Any]]:
    """All tool messages in the history that the upstream got."""
    return [message for message in seen.messages if message["role"] == "tool"]


def assert_paired(seen: Seen, count: int) -> None:
    """`count` calls with ids of their own, each followed by its result, in order."""
    ids = [entry["id"] for entry in calls(seen)]
    assert len(set(ids)) == count
    assert [message["tool_call_id"] for message in results(seen)] == ids


async def test_parallel_calls_both_run(rig: Rig) -> None:
    rig.upstream.script(
        Reply(
            text("Two at once."),
            bash("echo one > one.txt", id="a", index=0),
            bash("echo two > two.txt", id="b", index=1),
            ending("tool_calls"),
        ),
        say("Both are there."),
    )
    claude = rig.claude()
    printed = await claude.ask("two files", *allow("Bash"))
    assert (printed.code, printed.out) == (0, "Both are there.\n")
    assert (claude.cwd / "one.txt").read_text() == "one\n"
    assert (claude.cwd / "two.txt").read_text() == "two\n"
    assert_paired(rig.upstream.requests[1], 2)


async def test_calls_in_fragments_without_an_index(rig: Rig) -> None:
    arguments = json.dumps({"command": "echo ü > ü.txt", "description": "Grüße"})
    pieces = [arguments[start : start + 3] for start in range(0, len(arguments), 3)]
    rig.upstream.script(
        Reply(call_in_pieces("Bash", pieces), ending("stop"), segment=7), say("Done.")
    )
    claude = rig.claude()
    assert (await claude.ask("go", *allow("Bash"))).out == "Done.\n"
    assert (claude.cwd / "ü.txt").read_text() == "ü\n"


async def test_a_broken_call_that_can_be_mended_runs(rig: Rig) -> None:
    broken = '{"command": "echo mended > mended.txt", "description": "Test"'
    rig.upstream.script(Reply(call("Bash", broken), ending("tool_calls")), say("Done."))
    claude = rig.claude()
    assert (await claude.ask("go", *allow("Bash"))).out == "Done.\n"
    assert (claude.cwd / "mended.txt").read_text() == "mended\n"


async def test_a_hopeless_call_is_shown_and_the_model_goes_on(rig: Rig) -> None:
    rig.upstream.script(
        Reply(text("Let me see."), call("Bash", '{"co'), ending("tool_calls")),
        Reply(bash("echo again > again.txt"), ending("tool_calls")),
        say("Now it is there."),
    )
    claude = rig.claude()
    printed = await claude.ask("go", *allow("Bash"))
    assert printed.code == 0
    assert printed.out.endswith("Now it is there.\n")
    second = rig.upstream.requests[1]
    assert not calls(second)
    assert second.said('[unreadable tool call: Bash]\n{"co')
    assert (claude.cwd / "again.txt").exists()


@pytest.mark.parametrize(
    "written",
    [
        '<tool_call>\n{"name": "Bash", "arguments": {"command": "echo t > t.txt", '
        '"description": "Test"}}\n</tool_call>',
        "<tool_call>\n<function=Bash>\n<parameter=command>\necho t > t.txt\n</parameter>\n"
        "<parameter=description>\nTest\n</parameter>\n</function>\n</tool_call>",
        '[TOOL_CALLS][{"name": "Bash", "arguments": {"command": "echo t > t.txt", '
        '"description": "Test"}}]',
    ],
    ids=["hermes", "qwen3-coder", "mistral"],
)
async def test_a_call_written_as_text_runs(rig: Rig, written: str) -> None:
    pieces = [written[start : start + 5] for start in range(0, len(written), 5)]
    rig.upstream.script(say(*pieces), say("Done."))
    claude = rig.claude()
    printed = await claude.ask("go", *allow("Bash"))
    assert printed.out == "Done.\n"
    assert (claude.cwd / "t.txt").read_text() == "t\n"
    assert_paired(rig.upstream.requests[1], 1)


@pytest.mark.parametrize("form", ["reasoning_content", "reasoning", "tags"])
async def test_thinking_comes_first_and_is_no_text(rig: Rig, form: str) -> None:
    thought = ["I should ", "look at it."]
    if form == "tags":
        thinking = text("<thi", "nk>", *thought, "</think>", "\n\n")
    else:
        thinking = reasoning(*thought, key=form)
    rig.upstream.script(
        Reply(thinking, bash("echo seen > seen.txt"), ending("tool_calls")),
        Reply(thinking, text("It is there."), ending()),
    )
    claude = rig.claude()
    printed = await claude.ask(
        "look", *allow("Bash"), "--output-format", "stream-json", "--verbose"
    )
    assert printed.code == 0, printed
    lines = [json.loads(line) for line in printed.out.splitlines()]
    content = [
        b for line in lines if line["type"] == "assistant" for b in line["message"]["content"]
    ]
    assert [block["type"] for block in content] == ["thinking", "tool_use", "thinking", "text"]
    assert content[0]["thinking"] == content[2]["thinking"] == "I should look at it."
    assert lines[-1]["result"] == "It is there."
    assert (claude.cwd / "seen.txt").exists()


async def test_an_id_that_the_upstream_uses_again(rig: Rig) -> None:
    rig.upstream.script(
        Reply(bash("echo 1 >> n.txt", id="call_0"), ending("tool_calls")),
        Reply(bash("echo 2 >> n.txt", id="call_0"), ending("tool_calls")),
        Reply(bash("echo 3 >> n.txt", id="call_0"), ending("tool_calls")),
        say("Three times."),
    )
    claude = rig.claude()
    assert (await claude.ask("go", *allow("Bash"))).out == "Three times.\n"
    assert (claude.cwd / "n.txt").read_text() == "1\n2\n3\n"
    assert_paired(rig.upstream.requests[3], 3)


async def test_reading_an_image_with_a_model_that_sees_none(rig: Rig) -> None:
    claude = rig.claude()
    (claude.cwd / "dot.png").write_bytes(png())
    rig.upstream.script(use("Read", {"file_path": str(claude.cwd / "dot.png")}), say("A dot?"))
    printed = await claude.ask("what is in dot.png?", *allow("Read"))
    assert (printed.code, printed.out) == (0, "A dot?\n")
    second = rig.upstream.requests[1]
    assert_paired(second, 1)
    assert second.said("this model cannot see images")


async def test_reading_an_image(tmp_path: Path) -> None:
    models = {"object": "list", "data": [{"id": "eyes", "owned_by": "llamacpp"}]}
    props = {"modalities": {"vision": True}, "total_slots": 2}
    home = tmp_path / "serve"
    home.mkdir()
    async with (
        Upstream(models=models, routes={"/props": props}) as upstream,  # as llama-server says it
        serve(f"openai:{upstream.url}", home=home) as running,
    ):
        claude = Claude(tmp_path, running.url, running.token)
        (claude.cwd / "dot.png").write_bytes(png())
        upstream.script(use("Read", {"file_path": str(claude.cwd / "dot.png")}), say("A red dot."))
        printed = await claude.ask("what is in dot.png?", *allow("Read"))
        assert (printed.code, printed.out) == (0, "A red dot.\n")
        second = upstream.requests[1]
        assert_paired(second, 1)
        parts = [p for m in second.messages if isinstance(m["content"], list) for p in m["content"]]
        (image,) = (part["image_url"]["url"] for part in parts if part["type"] == "image_url")
        assert image.startswith("data:image/png;base64,")


async def test_reading_a_pdf(rig: Rig) -> None:
    claude = rig.claude()
    (claude.cwd / "note.pdf").write_bytes(pdf("The word is walrus."))
    rig.upstream.script(use("Read", {"file_path": str(claude.cwd / "note.pdf")}), say("Walrus."))
    printed = await claude.ask("what is the word in note.pdf?", *allow("Read"))
    assert (printed.code, printed.out) == (0, "Walrus.\n")
    second = rig.upstream.requests[1]
    assert_paired(second, 1)
    assert second.said("The word is walrus.")


async def test_a_subagent(rig: Rig) -> None:
    task = {"description": "Look", "prompt": "Find the needle.", "subagent_type": "Explore"}
    rig.upstream.when(
        lambda seen: "Agent" not in seen.tools and seen.said("Find the needle."),
        say("The needle is in line 7."),
    )
    rig.upstream.when(lambda seen: seen.said("The needle is in line 7."), say("Line 7."))
    rig.upstream.when(lambda seen: bool(calls(seen)), say("Waiting for the agent."))
    rig.upstream.script(use("Agent", task))
    printed = await rig.claude().ask("find the needle", "--allowedTools", "Agent")
    assert printed.code == 0
    assert printed.out.endswith("Line 7.\n")
    assert any(seen.said("The needle is in line 7.") for seen in rig.upstream.requests)


async def test_a_tool_that_is_loaded_on_demand(rig: Rig) -> None:
    """Claude Code names some tools only, and sends their schema after a ToolSearch."""
    claude = rig.claude()
    notebook = claude.cwd / "n.ipynb"
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "a",
        "metadata": {},
        "outputs": [],
        "source": "1",
        "execution_count": None,
    }
    notebook.write_text(
        json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    )
    edit = {"notebook_path": str(notebook), "cell_id": "a", "new_source": "llama = 2"}
    rig.upstream.script(
        use("Read", {"file_path": str(notebook)}),
        use("ToolSearch", {"query": "select:NotebookEdit"}),
        use("NotebookEdit", edit),
        say("Done."),
    )
    printed = await claude.ask("edit it", "--allowedTools", "Read", "NotebookEdit", "ToolSearch")
    assert (printed.code, printed.out) == (0, "Done.\n")
    assert "llama = 2" in notebook.read_text()
    second, third = rig.upstream.requests[1:3]
    assert "NotebookEdit" not in second.tools
    assert "NotebookEdit" in third.tools
    assert "NotebookEdit" in str(results(third)[-1]["content"])


def png() -> bytes:
    """A red dot."""

    def part(kind: bytes, data: bytes) -> bytes:
        checked = kind + data
        return len(data).to_bytes(4, "big") + checked + zlib.crc32(checked).to_bytes(4, "big")

    head = part(b"IHDR", bytes([0, 0, 0, 1, 0, 0, 0, 1, 8, 2, 0, 0, 0]))
    return (
        b"\x89PNG\r\n\x1a\n"
        + head
        + part(b"IDAT", zlib.compress(b"\0\xff\0\0"))
        + part(b"IEND", b"")
    )


def pdf(words: str) -> bytes:
    """A page with one line of text."""
    stream = f"BT /F1 24 Tf 72 700 Td ({words}) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, places = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    start = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return out.encode("ascii")


MCP_SERVER = """
import json, sys

PICTURE = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
SCHEMA = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
for line in sys.stdin:
    asked = json.loads(line)
    if "id" not in asked:
        continue
    result = {}
    if asked["method"] == "initialize":
        version = asked["params"]["protocolVersion"]
        about = {"name": "pic", "version": "1"}
        result = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": about}
    elif asked["method"] == "tools/list":
        result = {"tools": [{"name": "show", "description": "A picture", "inputSchema": SCHEMA}]}
    elif asked["method"] == "tools/call":
        image = {"type": "image", "data": PICTURE, "mimeType": "image/png"}
        result = {"content": [{"type": "text", "text": "here it is"}, image]}
    print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)
"""


@pytest.mark.parametrize("loaded", [True, False], ids=["loaded", "unloaded"])
async def test_an_mcp_tool_gives_text_and_an_image(rig: Rig, loaded: bool) -> None:
    """Its tools are loaded on demand (2.1.332); a model may call one right away."""
    claude = rig.claude()
    script = claude.cwd / "pictures.py"
    script.write_text(MCP_SERVER)
    server = {"command": sys.executable, "args": [str(script)]}
    config = json.dumps({"mcpServers": {"pic": server}})
    load = use("ToolSearch", {"query": "select:mcp__pic__show"}, id="load")
    show = use("mcp__pic__show", {"name": "x"}, id="show")
    rig.upstream.script(*([load] if loaded else []), show, say("Seen."))
    printed = await claude.ask(
        "show it", "--mcp-config", config, "--allowedTools", "mcp__pic__show"
    )
    assert printed.out == "Seen.\n"
    given = str(results(rig.upstream.requests[-1])[-1]["content"])
    assert given.startswith("here it is")
    assert "[Image (image/png) left out" in given  # this backend reads none
