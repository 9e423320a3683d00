"""The explainer names the true place, for everything that Claude Code is known to change."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.prefix.divergence import Cause, Comparison, compare, shared_bytes, short_diff
from anyclaude_tui.prefix.segments import Part, prompt_of
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.passthrough import hygiene
from tests.proxy.conversations import body, changed, longer, prompt, text, tool


def compared(before: dict[str, Any], now: dict[str, Any], **options: Any) -> Comparison:
    found = compare(prompt(before), prompt(now), **options)
    # Whatever the words: the place is where the two really part.
    assert found.shared_bytes == shared_bytes(prompt(before), prompt(now))
    assert found.size_bytes == prompt(now).size_bytes
    return found


def test_a_prompt_is_cut_into_system_blocks_tools_and_messages() -> None:
    made = prompt(body())
    assert [segment.place for segment in made.segments] == [
        "system block 1",
        "system block 2",
        "tool Bash",
        "tool Edit",
        "tool Read",
        "message 1",
        "message 2",
        "message 3",
    ]
    assert made.segments[1].text.startswith(b"Rule 0")
    assert made.segments[-1].detail == "the result of Read (/home/ada/engine/a.py)"
    assert made.size_bytes == sum(len(segment.text) for segment in made.segments)
    assert made.billing.startswith("x-anthropic-billing-header")


def test_the_next_turn_extends_the_prompt_and_loses_nothing() -> None:
    found = compared(body(), longer())
    assert found.cause is Cause.EXTENDED
    assert (found.lost_bytes, found.cost_bytes, found.where) == (0, 0, "")
    assert found.shared_bytes == prompt(body()).size_bytes


def test_a_user_message_that_grows_extends_it_too() -> None:
    now = body()
    now["messages"][-1]["content"].append(text("and b.py?"))
    assert compared(body(), now).cause is Cause.EXTENDED
    base = body()
    base["messages"] = base["messages"][:1]
    now = copy.deepcopy(base)
    now["messages"][0]["content"].append(text("go on"))
    assert compared(base, now).cause is Cause.EXTENDED


def test_the_same_again() -> None:
    assert compared(body(), body()).cause is Cause.SAME


def test_nothing_before() -> None:
    assert compare(None, prompt(body())).cause is Cause.FIRST


def test_a_stripped_billing_block_costs_nothing_and_is_mentioned() -> None:
    found = compared(body(), changed("329.136", "329.977"))
    assert found.cause is Cause.SAME
    assert "billing header changed too" in found.note


def test_a_billing_block_that_goes_upstream_is_named() -> None:
    """As another proxy would send it, or a trace of one."""
    before, now = body(), changed("329.136", "329.977")

    def raw(request: dict[str, Any]) -> dict[str, Any]:
        system = "\n\n".join(block["text"] for block in request["system"])
        return {"messages": [{"role": "system", "content": system}], "tools": []}

    found = compare(prompt_of(raw(before), before), prompt_of(raw(now), now))
    assert found.cause is Cause.BILLING
    assert found.place == "system block 0"
    assert found.what == "billing header"
    assert found.offset_bytes == before["system"][0]["text"].index("136")
    assert found.cost_bytes > 2000


def test_git_status_in_the_system_text() -> None:
    found = compared(body(), changed(" M a.py\n", " M a.py\n M b.py\n"))
    assert found.cause is Cause.GIT_STATUS
    offset = body()["system"][2]["text"].index(" M a.py\n") + len(" M a.py\n")
    assert (found.place, found.offset_bytes) == ("system block 2", offset)
    assert found.where == f"system block 2, {offset / 1000:.1f} kB in (git status)"
    assert short_diff(found) == ("+ M b.py",)  # and no line that is still there


def test_git_status_in_the_first_user_message() -> None:
    """Where Claude Code 2.1.329 has it."""
    base = changed(
        "Be kind.\n</system-reminder>",
        "Be kind.\n</system-reminder>\n<system-reminder>\n# gitStatus\nThis is the git status at "
        "the start of the conversation.\n\nStatus:\n(clean)\n</system-reminder>",
    )
    found = compared(base, changed("(clean)", "?? new.txt", base))
    assert (found.cause, found.place) == (Cause.GIT_STATUS, "message 1")
    assert short_diff(found) == ("-(clean)", "+?? new.txt")


@pytest.mark.parametrize("late_system", ["system", "folded"])
def test_environment_and_date_in_the_system_message_after_it(late_system: Any) -> None:
    base = body()
    late = "# Environment\n - Platform: linux\n - OS Version: 6.1\n\nSkills you may use:\n- run\n\n"
    message = {"role": "system", "content": f"{late}Today's date is 2026-11-20."}
    base["messages"].insert(1, message)
    dialect = Dialect(late_system=late_system)
    for old, new, cause in (
        ("2026-11-20", "2026-11-22", Cause.DATE),
        ("OS Version: 6.1", "OS Version: 6.2", Cause.ENVIRONMENT),
        ("- run", "- walk", Cause.SYSTEM),
    ):
        found = compare(prompt(base, dialect), prompt(changed(old, new, base), dialect))
        assert found.cause is cause
        assert found.place == ("message 2" if late_system == "system" else "message 1")
    assert found.what == "in “Skills you may use:”"


def test_a_date_in_the_first_user_message() -> None:
    found = compared(body(), changed("2026-11-21", "2026-11-22"))
    assert (found.cause, found.place, found.what) == (Cause.DATE, "message 1", "date")
    assert short_diff(found) == ("-Today's date is 2026-11-21.", "+Today's date is 2026-11-22.")


def test_a_date_that_the_user_writes_is_not_the_date() -> None:
    base = changed("what does a.py do?", "what happened on 2026-01-02?")
    base["messages"] = base["messages"][:1]
    found = compared(base, changed("2026-01-02?", "2026-01-03?", base))
    assert found.cause is Cause.REWOUND


def test_claude_md() -> None:
    found = compared(body(), changed("Be kind.", "Be quick."))
    assert (found.cause, found.place) == (Cause.MEMORY, "message 1")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("directory: /home/ada/engine", "directory: /tmp/x", "working directory"),
        ("model named local", "model named other", "model name"),
    ],
)
def test_the_environment(old: str, new: str, what: str) -> None:
    found = compared(body(), changed(old, new))
    assert (found.cause, found.place, found.what) == (Cause.ENVIRONMENT, "system block 2", what)


def test_another_system_text() -> None:
    found = compared(body(), changed("Rule 7: work", "Rule 7: play"))
    assert (found.cause, found.place) == (Cause.SYSTEM, "system block 2")
    found = compared(body(), changed("You are a Claude agent", "You are Claude Code"))
    assert (found.cause, found.place) == (Cause.SYSTEM, "system block 1")


def test_a_reordered_tool() -> None:
    now = body()
    now["tools"].reverse()
    found = compared(body(), now)
    assert (found.cause, found.place) == (Cause.TOOL_ORDER, "tool Read")
    assert found.what == "reordered: Bash stood here"


def test_an_added_tool_in_the_middle_and_at_the_end() -> None:
    for position in (1, 3):
        now = body()
        now["tools"].insert(position, tool("mcp__files__list", "path"))
        found = compared(body(), now)
        assert (found.cause, found.place) == (Cause.TOOL_ADDED, "tool mcp__files__list")
        assert found.what == "added: mcp__files__list"


def test_a_removed_tool_in_the_middle_and_at_the_end() -> None:
    for position, name in ((1, "Edit"), (2, "Read")):
        now = body()
        del now["tools"][position]
        found = compared(body(), now)
        assert (found.cause, found.place) == (Cause.TOOL_REMOVED, f"tool {name}")


def test_a_tool_with_another_description() -> None:
    found = compared(body(), changed("The tool Edit.", "The tool Edit, newer."))
    assert (found.cause, found.place) == (Cause.TOOL_CHANGED, "tool Edit")


def test_an_edited_file_in_the_history() -> None:
    found = compared(longer(), changed("print('one')", "print('two')", longer()))
    assert (found.cause, found.place) == (Cause.RESULT, "message 3")
    assert found.what == "the result of Read (/home/ada/engine/a.py) changed"
    assert short_diff(found) == ("-print('one')", "+print('two')")
    assert found.cost_bytes > 100


def test_rewritten_arguments_in_the_history() -> None:
    found = compared(longer(2), changed("make step0", "make -j step0", longer(2)))
    assert (found.cause, found.what) == (Cause.HISTORY, "the call of Bash changed")


def test_a_cleared_tool_result() -> None:
    now = changed("print('one')\n", "[Old tool result content cleared]", longer(3))
    found = compared(longer(2), now)
    assert (found.cause, found.place) == (Cause.CLEARED, "message 3")


def test_a_compaction_by_its_words() -> None:
    now = body()
    summary = "This session is being continued from a previous conversation that ran out of context"
    now["messages"] = [
        {"role": "user", "content": [now["messages"][0]["content"][0], text(summary)]},
    ]
    found = compared(longer(6), now)
    assert (found.cause, found.place) == (Cause.COMPACTION, "message 1")
    assert found.cost_bytes < 200


def test_a_second_compaction_is_one_too() -> None:
    start = "This session is being continued from a previous conversation that ran out of context"
    first, second = body(), body()
    front = first["messages"][0]["content"][0]
    first["messages"] = [{"role": "user", "content": [front, text(f"{start}. They asked A.")]}]
    second["messages"] = [{"role": "user", "content": [front, text(f"{start}. They asked B.")]}]
    assert compared(first, second).cause is Cause.COMPACTION
    again = json.loads(json.dumps(first))
    again["messages"].append({"role": "assistant", "content": "Yes."})
    assert compared(first, again).cause is Cause.EXTENDED


def test_a_change_behind_the_name_of_a_memory_file_is_none_of_memory() -> None:
    """The list of skills names such files too (Claude Code 2.1.332)."""
    skills = "<system-reminder>\n- init: make a CLAUDE.md file\n- {}\n</system-reminder>"
    one, two = body(), body()
    for request, skill in ((one, "review: look"), (two, "deploy: ship")):
        request["messages"].insert(1, {"role": "user", "content": skills.format(skill)})
    assert compared(one, two).cause is not Cause.MEMORY


def test_a_compaction_by_its_shape() -> None:
    now = body()
    now["messages"] = [
        {"role": "user", "content": [now["messages"][0]["content"][0], text("In short: done.")]},
        {"role": "assistant", "content": "Yes."},
        {"role": "user", "content": "go on"},
    ]
    assert compared(longer(6), now).cause is Cause.COMPACTION


def test_going_back_to_an_earlier_message() -> None:
    back = longer(2)
    del back["messages"][-2:]
    found = compared(longer(2), back)
    assert (found.cause, found.cost_bytes) == (Cause.REWOUND, 0)


def test_a_new_conversation_behind_the_same_front() -> None:
    now = changed("what does a.py do?", "write b.py")
    now["messages"] = now["messages"][:1]
    found = compared(longer(), now, same_conversation=False)
    assert (found.cause, found.place, found.lost_bytes) == (Cause.NEW, "", 0)
    assert found.shared_bytes > 2000


def test_another_reasoning_effort() -> None:
    dialect = Dialect(reasoning_effort=True)
    asked = {**body(), "thinking": {"type": "adaptive"}}  # without it an effort counts nothing
    low = {**asked, "output_config": {"effort": "low"}}
    high = {**asked, "output_config": {"effort": "high"}}
    found = compare(prompt(low, dialect), prompt(high, dialect))
    assert (found.cause, found.place) == (Cause.SETTINGS, "reasoning effort")


def test_a_native_request_has_its_tools_first() -> None:
    endpoint = Endpoint("http://127.0.0.1:1/v1/messages", "m", native=True)

    def native(request: dict[str, Any]) -> Any:
        return prompt_of(hygiene(request, endpoint, CallMemory()), request)

    made = native(body())
    assert [segment.part for segment in made.segments][:4] == [Part.TOOL] * 3 + [Part.SYSTEM]
    assert made.segments[3].place == "system block 1"
    found = compare(made, native(changed(" M a.py\n", "")))
    assert (found.cause, found.place) == (Cause.GIT_STATUS, "system block 2")
    found = compare(made, native(changed("print('one')", "print('two')")))
    assert (found.cause, found.place) == (Cause.RESULT, "message 2")


def test_moving_cache_marks_change_nothing() -> None:
    marked = body()
    marked["messages"][-1]["content"][-1]["cache_control"] = {"type": "ephemeral"}
    assert compared(marked, body()).cause is Cause.SAME


def test_odd_requests_are_compared_all_the_same() -> None:
    plain = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": 1}
    assert compared(plain, plain).cause is Cause.SAME
    for odd in ({}, {"messages": None}, {"messages": [1, {}], "tools": [3]}, {"system": 5}):
        compare(prompt_of(odd, odd), prompt_of(plain, plain))
        compare(prompt_of(plain, plain), prompt_of(odd, odd))


def test_tokens_by_the_share_of_bytes() -> None:
    found = Comparison(Cause.EXTENDED, shared_bytes=750, size_bytes=1000)
    assert found.tokens(750, 400.0) == 300
    assert found.tokens(750, None) is None


def _status(lines: list[str]) -> dict[str, Any]:
    made = body()
    made["system"][2]["text"] = "Status:\n" + "\n".join(lines)
    return made


def test_a_removed_line_and_a_long_block_show_only_what_changed() -> None:
    files = [f" M file_{n}.py" for n in range(20)]
    removed = compared(_status(files), _status([*files[:4], *files[5:]]))
    assert short_diff(removed) == ("- M file_4.py",)
    block = [f"?? new_{n}" for n in range(9)]
    added = compared(_status(files), _status([*files[:4], *block, *files[4:]]))
    assert short_diff(added) == tuple(f"+{line}" for line in block[:3])


def test_the_second_change_is_not_the_first() -> None:
    files = [f" M file_{n}.py" for n in range(6)]
    other = [files[0], " M other.py", *files[2:4], *files[5:]]
    found = compared(_status(files), _status(other))
    assert short_diff(found) == ("- M file_1.py", "+ M other.py")
