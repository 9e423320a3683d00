"""A backend's errors, as the user of Claude Code sees them: within seconds, in its own words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.claude import allow
from tests.e2e.conftest import Rig
from tests.e2e.terminal import PtyTerminal
from tests.support.upstream import CUT, HEADERS, Reply, fail, say
from tests.support.wire import error_event, text

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

WORDS = "the llama ate the weights"
OPENAI = {"error": {"message": WORDS, "type": "some_error", "param": None, "code": None}}
FASTAPI = {"detail": WORDS}
HTML = f"<html><head><title>Error</title></head><body><h1>{WORDS}</h1></body></html>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, OPENAI),
        (401, OPENAI),
        (403, FASTAPI),
        (404, {"error": WORDS}),
        (422, {"detail": [{"loc": ["body", "x"], "msg": WORDS, "type": "value_error"}]}),
        (429, OPENAI),
        (500, HTML),
        (503, WORDS),
        (529, OPENAI),
    ],
)
async def test_an_error_status(rig: Rig, status: int, body: Any) -> None:
    rig.upstream.when(lambda seen: True, fail(status, body))
    printed = await rig.claude().ask("hello", *allow("Bash"), timeout=30)
    assert printed.code == 1
    assert WORDS in printed.out
    assert printed.seconds < 20


@pytest.mark.parametrize(
    "reply",
    [Reply(error_event(WORDS)), Reply(HEADERS, error_event(WORDS), CUT)],
    ids=["ended", "cut"],
)
async def test_an_error_in_the_stream(rig: Rig, reply: Reply) -> None:
    rig.upstream.when(lambda seen: True, reply)
    printed = await rig.claude().ask("hello", *allow("Bash"), timeout=60)
    assert printed.code == 1
    assert WORDS in printed.out


async def test_a_cut_before_anything_was_shown_is_sent_again(rig: Rig) -> None:
    rig.upstream.script(Reply(CUT), Reply(HEADERS, CUT), say("Third time lucky."))
    printed = await rig.claude().ask("hello", *allow("Bash"))
    assert (printed.code, printed.out) == (0, "Third time lucky.\n")


async def test_a_cut_in_the_text_is_carried_on(rig: Rig) -> None:
    rig.upstream.script(Reply(text("Once upon"), CUT), say(" a time."))
    printed = await rig.claude().ask("tell", *allow("Bash"))
    assert printed.code == 0
    assert "a time." in printed.out
    assert rig.upstream.requests[1].said("Once upon")


async def test_errors_on_the_screen_and_the_conversation_goes_on(rig: Rig) -> None:
    reply = say("unused")
    rig.upstream.when(lambda seen: True, lambda seen: reply)  # a 400 is sent again at once
    claude = rig.claude()
    command = claude.command(*allow("Bash"))
    async with PtyTerminal(command, cwd=claude.cwd, env=claude.env, rows=60) as terminal:
        await terminal.wait_for("❯")
        for status in (401, 404, 429, 500, 529):
            reply = fail(status, {"error": {"message": f"words of {status}"}})
            await terminal.enter(f"try {status}")
            await terminal.wait_for(f"words of {status}", timeout=20)
        reply = say("Back again.")
        await terminal.enter("and now?")
        await terminal.wait_for("Back again.")
