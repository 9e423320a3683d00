"""Small chat templates of our own: one plain, and one for each way in which real ones differ."""

from __future__ import annotations

_TOOLS = "{% if tools %}<tools>{{ tools | tojson }}</tools>{% endif %}"
_CALLS = (
    "{% for c in m.tool_calls or [] %}<call {{ c.id }}>{{ c.function.name }} "
    "{{ c.function.arguments | tojson }}</call>{% endfor %}"
)
_MESSAGE = "<|{{ m.role }}|>{{ m.content }}" + _CALLS
_LOOP = "{% for m in messages %}" + _MESSAGE + "{% endfor %}"

PLAIN = _TOOLS + _LOOP + "<|assistant|>"


def _with(check: str) -> str:
    """Plain, with something done before each message."""
    return PLAIN.replace("{% for m in messages %}", "{% for m in messages %}" + check)


def _refuses(condition: str, words: str) -> str:
    return _with("{% if " + condition + " %}{{ raise_exception('" + words + "') }}{% endif %}")


LATE_REFUSED = _refuses(
    "m.role == 'system' and not loop.first", "System message must be at the beginning."
)
LATE_LOST = PLAIN.replace(
    _MESSAGE, "{% if m.role != 'system' or loop.first %}" + _MESSAGE + "{% endif %}"
)
LATE_REPLACES = (
    _TOOLS
    + "{% set ns = namespace(s='') %}{% for m in messages if m.role == 'system' %}"
    + "{% set ns.s = m.content %}{% endfor %}{{ ns.s }}"
    + _LOOP.replace("in messages", "in messages if m.role != 'system'")
)
LATE_MOVED = (
    _TOOLS
    + "{% for m in messages if m.role == 'system' %}{{ m.content }}{% endfor %}"
    + _LOOP.replace("in messages", "in messages if m.role != 'system'")
)
ONE_CALL = _refuses("m.tool_calls and m.tool_calls | length > 1", "only single tool-calls at once!")
SECOND_LOST = PLAIN.replace("m.tool_calls or []", "(m.tool_calls or [])[:1]")
NINE = _refuses("m.tool_calls and m.tool_calls[0].id | length != 9", "ids must be 9 characters")
NO_USER_BEHIND_TOOL = _refuses(
    "m.role == 'user' and loop.previtem is defined and loop.previtem.role == 'tool'",
    "roles must alternate",
)
NO_CALLS = PLAIN.replace(_CALLS, "").replace(_TOOLS, "")
NO_TOOLS = PLAIN.replace(_TOOLS, "")
NO_SYSTEM = _refuses("m.role == 'system'", "System role not supported")
NOT_BOTH = _refuses(
    "m.tool_calls and m.content and m.thinking", "Cannot pass both content and thinking"
)
NAME_IN_ID = PLAIN.replace("{{ c.function.name }} ", "")
NEEDS_TOOLS = (
    "<tools>{% for t in tools %}{{ t | tojson }}{% endfor %}</tools>" + _LOOP + "<|assistant|>"
)
_THOUGHT = (
    "{% if m.reasoning_content and (KEPT) %}<think>{{ m.reasoning_content }}</think>{% endif %}"
)
_LAST_USER = (
    "{% set ns = namespace(last=messages | length) %}{% for m in messages | reverse %}"
    "{% if m.role == 'user' and ns.last == messages | length %}"
    "{% set ns.last = loop.revindex0 %}{% endif %}{% endfor %}"
)


def _thinking(kept: str) -> str:
    thought = _THOUGHT.replace("KEPT", kept)
    return _LAST_USER + PLAIN.replace("<|{{ m.role }}|>", "<|{{ m.role }}|>" + thought)


STRIPS = _thinking("loop.index0 > ns.last")
STRIPS_BUT_FOR_A_SWITCH = _thinking("loop.index0 > ns.last or preserve_thinking")
OPENS = PLAIN + (
    "{% if enable_thinking is not defined or enable_thinking %}<think>\n"
    "{% else %}<think>\n\n</think>\n\n{% endif %}"
)
DATE_IN_FRONT = "{{ strftime_now('%d %B %Y') }}" + PLAIN
EFFORT = (
    "{% if reasoning_effort is defined and reasoning_effort not in ['low', 'medium', 'xhigh'] %}"
    "{{ raise_exception('unknown effort') }}{% endif %}{{ reasoning_effort }}" + PLAIN
)
THINKING_BY_ANOTHER_NAME = PLAIN + "{% if thinking %}<think>{% endif %}"
MUST_THINK = _with(
    "{% if enable_thinking is defined and not enable_thinking %}"
    "{{ raise_exception('this model always thinks') }}{% endif %}"
)
GENERATION = PLAIN.replace(_MESSAGE, "{% generation %}" + _MESSAGE + "{% endgeneration %}")
ENDLESS = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
