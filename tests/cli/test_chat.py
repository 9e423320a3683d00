"""The small chat client, as a process that talks through the real proxy."""

from __future__ import annotations

import asyncio
import os
import sys

from anyclaude_tui.terminal.pty import PtyProcess
from tests.support import wire
from tests.support.proxy import TOKEN, Proxy, running_proxy
from tests.support.upstream import Reply, Upstream, fail, say
from tests.support.waiting import until


async def chat(proxy: Proxy, *lines: str, token: str = TOKEN) -> tuple[int, str, str]:
    """What it says when somebody types these lines: exit code, stdout, stderr."""
    session = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": token}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "anyclaude_tui", "chat"),
        env=os.environ | session | {"PYTHONUTF8": "1"},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    typed = "".join(f"{line}\n" for line in lines).encode()
    out, err = await asyncio.wait_for(process.communicate(typed), 30)
    assert process.returncode is not None
    assert b"Traceback" not in err
    return process.returncode, out.decode(), err.decode()


async def test_it_shows_the_reply_and_remembers_the_conversation(
    upstream: Upstream, proxy: Proxy
) -> None:
    upstream.script(say("Hello ", "world"), say("Yes"))
    code, out, _ = await chat(proxy, "hi", "again?", "/quit")
    assert code == 0
    assert "Hello world" in out
    contents = [message["content"] for message in upstream.requests[1].messages]
    assert contents[-3:] == ["hi", "Hello world", "again?"]


async def test_line_ends_of_unicode_in_the_reply_are_text(upstream: Upstream, proxy: Proxy) -> None:
    """httpx splits lines at all of them, in the middle of an event's JSON."""
    upstream.script(say("one\u2028two\u2029three\x85four", "!"))
    code, out, _ = await chat(proxy, "hi")
    assert code == 0
    assert "four!" in out


async def test_what_the_model_writes_cannot_command_the_terminal(
    upstream: Upstream, proxy: Proxy
) -> None:
    upstream.script(say("red\x1b[31m title\x1b]0;gone\x07 bell\x9b2J", "\nnext\tline"))
    _, out, _ = await chat(proxy, "hi")
    reply = out.partition("red")[2]
    assert not {"\x1b", "\x07", "\x9b"} & set(reply)
    assert "\nnext\tline" in reply


async def test_a_terminal_gets_colours_whole_words_and_the_way_to_stop(
    upstream: Upstream, proxy: Proxy
) -> None:
    words = "wonderful " * 30
    upstream.script(Reply(wire.reasoning("hmm "), wire.text(words), wire.ending()))
    session = {"ANTHROPIC_BASE_URL": proxy.url, "ANTHROPIC_AUTH_TOKEN": TOKEN, "TERM": "xterm"}
    ours = ("NO_COLOR", "COLUMNS", "LINES")  # pytest-xdist may have its worker's size there
    env = {name: value for name, value in os.environ.items() if name not in ours}
    seen = bytearray()
    ended = asyncio.Event()
    argv = [sys.executable, "-m", "anyclaude_tui", "chat"]
    process = PtyProcess.spawn(
        argv, env | session, os.getcwd(), 24, 50,
        on_data=seen.extend, on_exit=lambda status: ended.set(),
    )  # fmt: skip
    try:
        await until(lambda: "›".encode() in seen)
        process.write(b"hi\r")
        await until(lambda: seen.count(b"wonderful") == 30)
        process.write(b"/quit\r")
        await asyncio.wait_for(ended.wait(), 20)
    finally:
        await process.aclose()
    out = seen.decode().replace("\r\n", "\n")
    assert "Ctrl+C stops an answer" in out.replace("\n", "")
    assert "\x1b[2mhmm" in out
    assert all(
        line.split() == ["wonderful"] * 5 for line in out.splitlines() if "wonderful" in line
    )


async def test_thinking_is_told_apart(upstream: Upstream, proxy: Proxy) -> None:
    upstream.script(Reply(wire.reasoning("hmm"), wire.text("Answer"), wire.ending()))
    _, out, _ = await chat(proxy, "hi")
    assert "(thinking) hmm" in out
    assert "\n\nAnswer" in out


async def test_errors_are_shown_and_the_chat_goes_on(upstream: Upstream, proxy: Proxy) -> None:
    upstream.script(fail(400, {"error": {"message": "no such\x1b[2J model"}}), say("Hello"))
    code, out, _ = await chat(proxy, "hi", "again")
    assert code == 0
    assert "error 424: no such" in out  # Claude Code would negotiate about a 400
    assert "\x1b[2J" not in out
    assert "Hello" in out


async def test_a_wrong_token_is_told(proxy: Proxy) -> None:
    code, out, _ = await chat(proxy, "hi", token="wrong")
    assert code == 0
    assert "error 401" in out


async def test_a_proxy_that_is_gone_is_told(upstream: Upstream) -> None:
    async with running_proxy(upstream.url) as proxy:
        pass
    code, out, _ = await chat(proxy, "hi")
    assert code == 0
    assert "did not answer" in out
