"""Chat templates of our own in the form of Qwen's and Hermes', for real servers: one that drops
late system messages, and those that keep earlier thinking only when they are asked to."""

from __future__ import annotations

_TOOLS = """\
{%- if tools %}<|im_start|>system
<tools>
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}
</tools><|im_end|>
{% endif %}"""
_LAST_USER = """\
{%- set ns = namespace(last=-1) %}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.last = loop.index0 %}{% endif %}
{%- endfor %}"""
_CALLS = """\
{%- for call in m.tool_calls or [] %}
<tool_call>
{"name": "{{ call.function.name }}", "arguments": {{ call.function.arguments | tojson }}}
</tool_call>
{%- endfor %}"""
_END = "<|im_end|>\n{% endfor %}<|im_start|>assistant\n"


def _template(*, skip: str = "false", keep: str = "true") -> str:
    """`skip`: which messages are dropped; `keep`: whose thinking is rendered."""
    thinking = (
        "{% if m.role == 'assistant' and m.reasoning_content and (" + keep + ") %}<think>\n"
        "{{ m.reasoning_content }}\n</think>\n{% endif %}"
    )
    message = "{% if not (" + skip + ") %}<|im_start|>{{ m.role }}\n" + thinking
    end = _END.replace("{% endfor %}", "{% endif %}{% endfor %}")
    loop = "{%- for m in messages %}" + message + "{{ m.content }}" + _CALLS + end
    return _TOOLS + _LAST_USER + loop


PLAIN = _template()
DROPS_LATE_SYSTEM = _template(skip="m.role == 'system' and not loop.first")
_RECENT = "loop.index0 > ns.last"
STRIPS = _template(keep=_RECENT)
"""Renders each new prompt's last tool loop anew, and has no switch against it."""
KEEPS = {
    "like Qwen3.6": _template(keep=f"{_RECENT} or preserve_thinking"),
    "like GLM-4.7": _template(
        keep=f"{_RECENT} or (clear_thinking is defined and not clear_thinking)"
    ),
    "like Nemotron 3": _template(
        keep=f"{_RECENT} or (truncate_history_thinking is defined and "
        "not truncate_history_thinking)"
    ),
}
"""Thinking of earlier turns is kept under each family's own switch."""
