"""What of a prompt stays the front of the next, by its renderings: here, and by a FAKE server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui.backends.base import Endpoint, Rendering
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates.parting import compared, parting
from tests.backends.fakes import serving
from tests.backends.templates import small
from tests.backends.templates.test_probe import Server
from tests.proxy.making import assistant, call, request_for, result, user

HOW = Dialect(enable_thinking=True, reasoning_history="reasoning_content")
LOOP = (
    user("ASK"),
    assistant({"type": "thinking", "thinking": "THOUGHT " * 40, "signature": ""}, call("a")),
    user(result("a", "RESULT " * 40)),
)
NEXT = (*LOOP, assistant("DONE"), user("NEXT"))


def body(*messages: Any) -> bytes:
    made = request_for(HOW, system="SYSTEM", messages=list(messages)).body
    return json.dumps(made).encode()


def endpoint(**how: Any) -> Endpoint:
    return Endpoint("http://127.0.0.1:1/v1", "m", HOW, rendering=Rendering(**how))


async def test_a_new_prompt_that_renders_the_loop_anew() -> None:
    found = await parting(endpoint(template=small.STRIPS), body(*LOOP), body(*NEXT))
    assert found is not None
    assert found.lost > 0.9 * (found.before - 40)
    assert found.message == 2, "the assistant's, whose thinking goes"


@pytest.mark.parametrize("template", [small.PLAIN, small.STRIPS_BUT_FOR_A_SWITCH])
async def test_a_template_that_keeps_it(template: str) -> None:
    found = await parting(endpoint(template=template), body(*LOOP), body(*NEXT))
    assert found is not None
    assert found.lost == 0
    assert found.message is None
    assert found.now > found.before


async def test_the_server_renders_where_it_can() -> None:
    async with serving(Server(small.STRIPS)) as fake:
        how = endpoint(url=f"{fake.url}/apply-template")
        found = await parting(how, body(*LOOP), body(*NEXT))
        assert found == await parting(endpoint(template=small.STRIPS), body(*LOOP), body(*NEXT))
    assert await parting(how, body(*LOOP), body(*NEXT)) is None, "it has gone"


@pytest.mark.parametrize("template", ["{% for %}", "{{ raise_exception('no') }}"])
async def test_what_cannot_be_rendered_tells_nothing(template: str) -> None:
    assert await parting(endpoint(template=template), body(*LOOP), body(*NEXT)) is None
    assert await parting(Endpoint("http://127.0.0.1:1/v1", "m", HOW), b"", b"") is None


@given(st.text("ab", max_size=40), st.text("ab", max_size=40))
def test_the_common_front(one: str, other: str) -> None:
    pairs = zip(one, other, strict=False)
    expected = next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))
    assert compared(one, other, []).shared == expected
