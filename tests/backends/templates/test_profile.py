"""What a template is found to do, and the dialect that follows: one small template for each."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates.jinja import renderer
from anyclaude_tui.backends.templates.profile import Profile, applied, examine
from anyclaude_tui.backends.templates.sources import RenderedSource
from tests.backends.templates import small
from tests.proxy.making import assistant, call, request_for, result, system, user

BASE = Dialect(enable_thinking=True, reasoning_history="reasoning_content")


def profile(template: str, **more: Any) -> Profile:
    return asyncio.run(examine(RenderedSource(renderer(template, {})), BASE, **more))


@pytest.mark.parametrize(
    ("template", "late"),
    [
        (small.PLAIN, "in place"),
        (small.GENERATION, "in place"),
        (small.LATE_REFUSED, "refused"),
        (small.LATE_LOST, "lost"),
        (small.LATE_REPLACES, "replaces the prompt"),
        (small.LATE_MOVED, "moved to the front"),
    ],
)
def test_a_late_system_message_of_any_fate_costs_nothing_folded(template: str, late: str) -> None:
    found = profile(template)
    assert found.late_system == late
    assert found.dialect == {}
    assert found.left == {}
    assert set(found.shapes.values()) == {"whole"}
    assert found.warnings == ()


@pytest.mark.parametrize(
    ("template", "dialect"),
    [
        (small.ONE_CALL, {"calls": "serial"}),
        (small.SECOND_LOST, {"calls": "serial"}),
        (small.NINE, {"call_ids": "nine"}),
        (small.NO_USER_BEHIND_TOOL, {"user_after_results": "folded"}),
        (small.NO_CALLS, {"calls": "text"}),
        (small.NO_SYSTEM, {"first_system": "user"}),
        (small.NOT_BOTH, {"text_beside_calls": "reasoning"}),
        (small.NEEDS_TOOLS, {"needs_tools": True}),
        (small.NAME_IN_ID, {"call_ids": "numbered"}),
        (small.EFFORT, {"effort_switch": ("reasoning_effort", ("low", "medium", "xhigh"))}),
    ],
)
def test_the_form_that_keeps_everything(template: str, dialect: dict[str, Any]) -> None:
    found = profile(template)
    assert found.dialect == dialect
    assert found.left == {}
    render = renderer(template, {})
    body = request_for(
        applied(found, BASE),
        system="SYSTEM",
        messages=[
            user("ASK"),
            system("LATE"),
            assistant(
                {"type": "thinking", "thinking": "Hm", "signature": ""},
                "BESIDE",
                call("toolu_1", "Bash", command="ONE"),
                call("toolu_2", "Bash", command="TWO"),
            ),
            user(result("toolu_1", "FIRST"), result("toolu_2", "SECOND"), "INTERRUPTED"),
        ],
    ).body
    text = render(body)
    for piece in ("SYSTEM", "ASK", "LATE", "ONE", "TWO", "FIRST", "SECOND", "INTERRUPTED"):
        assert text.count(piece) == 1, piece


def test_a_request_without_tools_is_rendered_where_the_template_needs_some() -> None:
    how = applied(profile(small.NEEDS_TOOLS), BASE)
    made = request_for(how, messages=[user("ASK")])
    assert "ASK" in renderer(small.NEEDS_TOOLS, {})(made.body)
    assert made.tools == {}
    with pytest.raises(TypeError):
        renderer(small.NEEDS_TOOLS, {})(request_for(BASE, messages=[user("ASK")]).body)


def test_a_template_without_tools_is_told() -> None:
    found = profile(small.NO_TOOLS)
    assert found.tools_shown is False
    assert "shows the model no tools" in found.warnings[0]


def test_what_no_form_mends_is_told() -> None:
    found = profile("{{ raise_exception('not today') }}")
    assert found.dialect == {}
    assert "refused: not today" in found.warnings[-1]


def test_how_the_prompt_opens() -> None:
    assert profile(small.OPENS).opens == ("</think>", "</think>", "")
    assert profile(small.OPENS).switches == ("enable_thinking",)
    assert profile(small.PLAIN).opens == ("", "", "")


def test_thinking_by_another_name_and_where_it_must_be() -> None:
    named = applied(profile(small.THINKING_BY_ANOTHER_NAME), BASE)
    assert named.thinking_on["thinking"] is True
    assert named.thinking_off["thinking"] is False
    must = applied(profile(small.MUST_THINK), BASE)
    assert must.thinking_on == {"enable_thinking": True}
    assert must.thinking_off == {}


def test_the_reuse_to_expect_of_a_tool_loop() -> None:
    assert profile(small.PLAIN).reuse == 1.0
    assert profile(small.STRIPS_BUT_FOR_A_SWITCH).reuse == 1.0
    strips = profile(small.STRIPS)
    assert strips.reuse is not None
    assert strips.reuse < 0.2
    assert "of the last tool loop again" in strips.warnings[0]
    # Where the cache can be cut back to any prefix, thinking that is left out keeps the rest.
    dropped = profile(small.STRIPS, trims=True)
    assert dropped.dialect == {"reasoning_history": "drop"}
    assert dropped.reuse == 1.0
    assert dropped.warnings == ()
