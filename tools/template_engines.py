"""The two engines that render chat templates on this user's machines: transformers', which mlx_lm,
vLLM and SGLang use, and llama.cpp's own, asked through its server.

llama.cpp comes as the wheel `xllamacpp`, into a temporary folder, and runs in a child process:
a template that it does not survive costs that process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
WHEELS = ("xllamacpp==2026.10.11549", "gguf==0.19.0")
_SECONDS = 60

Render = Callable[[Mapping[str, Any]], str]


def transformers_of(template: str, tokens: Mapping[str, str]) -> Render:
    """transformers' own rendering, of messages as mlx_lm hands them over."""
    from transformers.utils.chat_template_utils import render_jinja_template

    def render(body: Mapping[str, Any]) -> str:
        messages = [_message(message) for message in body["messages"]]
        more: dict[str, Any] = {**tokens, **body.get("chat_template_kwargs", {})}
        rendered: Any = render_jinja_template(
            [messages],
            tools=body.get("tools"),
            chat_template=template,
            add_generation_prompt=True,
            **more,
        )
        return str(rendered[0][0])

    return render


def _message(message: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(message)
    if "tool_calls" in made:
        made["tool_calls"] = [
            {**call, "function": {**call["function"], "arguments": arguments}}
            for call in made["tool_calls"]
            for arguments in (json.loads(call["function"]["arguments"]),)
        ]
    return made


class LlamaCpp:
    """llama.cpp's server with one template after the other."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._child: subprocess.Popen[str] | None = None
        pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target"]
        subprocess.run([*pip, str(folder / "wheels"), *WHEELS], check=True, timeout=600)

    def __enter__(self) -> LlamaCpp:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._end()

    def serve(self, template: str) -> str | None:
        """The URL of a server with this template; None where it does not load."""
        if self._child is None or self._child.poll() is not None:
            self._child = self._start()
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        print(json.dumps(template), file=self._child.stdin, flush=True)
        port = self._child.stdout.readline().strip()
        if not port:
            self._end()
        return f"http://127.0.0.1:{port}" if port.isdigit() else None

    def _start(self) -> subprocess.Popen[str]:
        places = [str(self._folder / "wheels"), str(ROOT / "findings"), str(ROOT)]
        return subprocess.Popen(
            [sys.executable, "-m", "tools.template_server", str(self._folder / "tiny.gguf")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
        )

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None


def llama_of(client: httpx.Client) -> Render:
    """A renderer that asks a server of llama.cpp. Raises ValueError with its refusal's words."""

    def render(body: Mapping[str, Any]) -> str:
        answer = client.post("/apply-template", json=body, timeout=_SECONDS)
        if answer.status_code != 200:
            raise ValueError(answer.json()["error"]["message"])
        return str(answer.json()["prompt"])

    return render
