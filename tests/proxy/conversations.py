"""A conversation as Claude Code sends it, small: what the divergence and explainer tests change.

The texts stand where the real client has them (captured from 2.1.x with `-p`): the billing
header in system[0], the working text in system[2], git status in the first user message,
environment and date in the system message after it.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.prefix.segments import Prompt, prompt_of
from anyclaude_tui.proxy.request.call_memory import CallMemory
from anyclaude_tui.proxy.request.openai import translate

FILLER = "\n".join(f"Rule {n}: work with care and say what was done." for n in range(45))
"""About 2.1 KB, so that a change behind it is deep in its block."""


def body() -> dict[str, Any]:
    """The second turn of a conversation: one call of Read and its result."""
    return {
        "model": "claude-local",
        "max_tokens": 1000,
        "stream": True,
        "system": [
            text("x-anthropic-billing-header: cc_version=2.1.329.136; cc_entrypoint=cli;"),
            text("You are a Claude agent, built on Anthropic's Claude Agent SDK."),
            text(
                f"{FILLER}\n\n# Environment\n - Primary working directory: /home/ada/engine\n"
                " - You are powered by the model named local.\n\n"
                "gitStatus: This is the git status at the start of the conversation.\n\n"
                "Current branch: main\n\nStatus:\n M a.py\n\nRecent commits:\n1234567 first\n"
            ),
        ],
        "tools": [tool("Bash", "command"), tool("Edit", "file_path"), tool("Read", "file_path")],
        "messages": [
            {
                "role": "user",
                "content": [
                    text(
                        "<system-reminder>\nContents of /home/ada/engine/CLAUDE.md:\n\n"
                        "# Rules\nBe kind.\n</system-reminder>\n"
                        "<system-reminder>\nToday's date is 2026-11-21.\n</system-reminder>"
                    ),
                    text("what does a.py do?"),
                ],
            },
            {
                "role": "assistant",
                "content": [
                    text("I read it."),
                    {
                        "type": "tool_use",
                        "id": "toolu_1",
                        "name": "Read",
                        "input": {"file_path": "/home/ada/engine/a.py"},
                    },
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "print('one')\n"}
                ],
            },
        ],
    }


def text(words: str) -> dict[str, Any]:
    """A text block."""
    return {"type": "text", "text": words}


def tool(name: str, parameter: str) -> dict[str, Any]:
    """A tool with one parameter."""
    properties = {parameter: {"type": "string"}}
    schema = {"type": "object", "properties": properties, "required": [parameter]}
    return {"name": name, "description": f"The tool {name}.", "input_schema": schema}


def changed(old: str, new: str, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body with a text replaced, wherever it stands."""
    whole = json.dumps(base or body())
    assert json.dumps(old)[1:-1] in whole
    made: dict[str, Any] = json.loads(whole.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1]))
    return made


def longer(turns: int = 1, base: dict[str, Any] | None = None) -> dict[str, Any]:
    """The body some turns later, each with a call of Bash and its result."""
    made = copy.deepcopy(base or body())
    for number in range(turns):
        use = {
            "type": "tool_use",
            "id": f"toolu_b{number}",
            "name": "Bash",
            "input": {"command": f"make step{number}"},
        }
        output = f"step {number} done, with a line of output that has some length\n" * 3
        result = {"type": "tool_result", "tool_use_id": f"toolu_b{number}", "content": output}
        made["messages"].append({"role": "assistant", "content": [text(f"Step {number}."), use]})
        made["messages"].append({"role": "user", "content": [result]})
    return made


def upstream(request: dict[str, Any], dialect: Dialect | None = None) -> dict[str, Any]:
    """What goes to a backend for it."""
    endpoint = Endpoint("http://127.0.0.1:1/v1/chat/completions", "m", dialect or Dialect())
    return translate(request, endpoint, CallMemory()).body


def prompt(request: dict[str, Any], dialect: Dialect | None = None) -> Prompt:
    """Its prompt as segments."""
    return prompt_of(upstream(request, dialect), request)
