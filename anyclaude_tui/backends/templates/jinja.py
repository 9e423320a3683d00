"""A chat template rendered here, as transformers renders it for mlx_lm, vLLM and SGLang.

A model's template is a program of somebody else's: it runs in jinja's sandbox, and what is
not bounded otherwise in a child process (`child.py`). Against transformers 5.24 150 of 158
templates come out byte for byte the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from jinja2 import nodes
from jinja2.exceptions import TemplateError
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

Render = Callable[[Mapping[str, Any]], str]
"""A chat completions body in, the prompt's text out. Raises whatever a template raises."""

_REASONING = ("reasoning_content", "thinking", "reasoning")


class _Generation(Extension):
    """`{% generation %}…{% endgeneration %}`: marks what the model wrote, for training."""

    tags = {"generation"}  # noqa: RUF012 (jinja's own declaration)

    def parse(self, parser: Parser) -> list[nodes.Node]:
        """The statements inside, as they stand."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def renderer(
    template: str, tokens: Mapping[str, str], now: Callable[[], datetime] = datetime.now
) -> Render:
    """A function that renders with this template; `tokens` are the special tokens that it may name.

    Raises TemplateError for a text that is no template.
    """

    def refuse(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols", _Generation]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = refuse
    environment.globals["strftime_now"] = lambda form: now().strftime(form)
    compiled = environment.from_string(template)

    def render(body: Mapping[str, Any]) -> str:
        return str(
            compiled.render(
                messages=[_message(message) for message in body["messages"]],
                tools=body.get("tools"),
                add_generation_prompt=True,
                **tokens,
                **body.get("chat_template_kwargs", {}),
            )
        )

    return render


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    """As mlx_lm and transformers hand it over: text joined, arguments parsed, thinking under
    each of the names that templates read it by."""
    made = dict(message)
    if not isinstance(made["content"], str):
        made["content"] = "".join(part["text"] for part in made["content"])
    thinking = next((made[name] for name in _REASONING if made.get(name)), None)
    if thinking is not None:
        made = {"thinking": thinking, **made, "reasoning_content": thinking}
    if "tool_calls" in made:
        made["tool_calls"] = [
            {**call, "function": {**function, "arguments": json.loads(function["arguments"])}}
            for call in made["tool_calls"]
            for function in (call["function"],)
        ]
    return made


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    """transformers' `tojson`: no HTML escapes, the characters as they are."""
    return json.dumps(value, ensure_ascii=False, indent=indent)
