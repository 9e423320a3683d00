"""A backend's errors, as the user of Claude Code sees them: within seconds, in its own words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.e2e.claude import allow
from tests.e2e.conftest import Rig
from tests.e2e.terminal import PtyTerminal
from tests.support.upstream import CUT, HEADERS, Reply, Seen, fail, say, use
from tests.support.wire import DONE, call, ending, error_event, finish, reasoning, text

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="session")]

WORDS = "the llama ate the weights"
OPENAI = {"error": {"message": WORDS, "type": "some_error", "param": None, "code": None}}
HTML = f"<html><head><title>Error</title></head><body><h1>{WORDS}</h1></body></html>"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, OPENAI),
        (404, {"error": WORDS}),
        (422, {"detail": [{"loc": ["body", "x"], "msg": WORDS, "type": "value_error"}]}),
        (500, HTML),
        (503, WORDS),
    ],
)
async def test_an_error_status(rig: Rig, status: int, body: Any) -> None:
    """Every form in which a backend says it; every status: on the screen, below."""
    rig.upstream.when(lambda seen: True, fail(status, body))
    printed = await rig.claude().ask("hello", *allow("Bash"), timeout=30)
    assert printed.code == 1
    assert "API Error" in printed.out
    assert WORDS in printed.out
    assert printed.seconds < 20
    assert len(rig.upstream.requests) == 1


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


STATUSES = (400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529)


async def test_each_status_is_told_after_one_request_and_the_conversation_goes_on(
    rig: Rig,
) -> None:
    """In one session: none of them switches anything off in it."""
    reply = say("unused")
    rig.upstream.when(lambda seen: True, lambda seen: reply)
    asked: dict[int, int] = {}
    claude = rig.claude()
    command = claude.command(*allow("Bash"))
    async with PtyTerminal(command, cwd=claude.cwd, env=claude.env, rows=60) as terminal:
        await terminal.wait_for("❯")
        for status in STATUSES:
            before = len(rig.upstream.requests)
            reply = fail(status, {"error": {"message": f"words of {status}"}})
            await terminal.enter(f"try {status}")
            await terminal.wait_for(f"words of {status}", timeout=20)
            asked[status] = len(rig.upstream.requests) - before
        reply = say("Back again.")
        await terminal.enter("and now?")
        await terminal.wait_for("Back again.")
    assert asked == dict.fromkeys(STATUSES, 1)
    first, *_, last = rig.upstream.requests
    assert len(last.json["tools"]) == len(first.json["tools"])


LOADING = {"error": {"message": "Loading model", "type": "unavailable_error", "code": 503}}


async def test_a_model_that_is_being_loaded_is_waited_for(rig: Rig) -> None:
    """The same for the 90 s that a large one takes: Claude Code asks once, and has its answer."""
    rig.upstream.script(*(fail(503, LOADING) for _ in range(3)), say("Loaded."))
    printed = await rig.claude().ask("hello", *allow("Bash"))
    assert (printed.code, printed.out) == (0, "Loaded.\n")
    assert len(rig.upstream.requests) == 4, "asked by the proxy, once a second"
    assert len({seen.body for seen in rig.upstream.requests}) == 1


def thinks_back(seen: Seen) -> bool:
    """Whether each call of the history has its thinking."""
    calls = [one for one in seen.messages if one.get("tool_calls")]
    return all(one.get("reasoning_content") for one in calls)


@pytest.mark.parametrize("thinking", ["adaptive", "off"])
async def test_a_tool_loop_with_a_server_that_wants_its_thinking_back(
    rig: Rig, thinking: str
) -> None:
    """DeepSeek's and Moonshot's rule, over three turns; refused once at most."""
    words = "thinking is enabled but reasoning_content is missing in assistant tool call message"
    turns = [
        Reply(
            reasoning(f"Step {number}."),
            call("Bash", {"command": f"echo {number}"}, id=f"c{number}"),
            ending("tool_calls"),
        )
        for number in (1, 2, 3)
    ]
    script = [*turns, say("Three steps.")]

    def answer(seen: Seen) -> Reply:
        refused = fail(400, {"error": {"message": words}})
        return script.pop(0) if thinks_back(seen) else refused

    rig.upstream.when(lambda seen: True, answer)
    claude = rig.claude(**({"MAX_THINKING_TOKENS": "0"} if thinking == "off" else {}))
    printed = await claude.ask("go", *allow("Bash"))
    assert (printed.code, printed.out) == (0, "Three steps.\n")
    said = [one for one in rig.upstream.requests[-1].messages if one.get("tool_calls")]
    assert [one["reasoning_content"] for one in said] == ["Step 1.", "Step 2.", "Step 3."]
    assert len(rig.upstream.requests) <= 5


async def test_a_reply_that_fills_the_window_is_followed_by_a_compaction(
    rig: Rig,
) -> None:
    """Not by requests for a longer reply; the answer then comes."""
    full = (text("Counting one, two"), finish("model_context_window_exceeded"), DONE)
    rig.upstream.script(
        use("Bash", {"command": "echo counted", "description": "Count"}),
        Reply(*full),
        say("<summary>We were counting.</summary>"),
        say("All done now."),
    )
    printed = await rig.claude().ask("count", *allow("Bash"))
    assert (printed.code, printed.out) == (0, "All done now.\n")
    assert len(rig.upstream.requests) == 4
    assert "We were counting." in str(rig.upstream.requests[-1].messages)
