"""What a backend is called that was given by where it is."""

from __future__ import annotations

import pytest

from anyclaude_tui.config.short_names import LONGEST, short_name


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ("lmstudio", "lmstudio"),
        ("mlx_lm:~/models/Qwen3-Coder-30B-A3B-4bit", "qwen3-coder-30b-a3b-4bit"),
        ("mlx_lm:mlx-community/Llama-3.2-3B-Instruct-4bit/", "llama-3.2-3b-instruct-4b"),
        ("llama_cpp:~/models/tiny-Q8_0.gguf", "tiny-q8_0"),
        ("openai:http://127.0.0.1:8080/v1", "openai-8080"),
        ("anthropic:https://api.anthropic.com", "anthropic-api.anthropic"),
        ("simulator:fast", "fast"),
        ("mlx_lm:///", "mlx_lm"),
    ],
)
def test_names(spec: str, name: str) -> None:
    assert short_name(spec) == name
    assert len(name) <= LONGEST


def test_no_name_is_given_twice() -> None:
    assert short_name("simulator:fast", {"fast", "fast-2"}) == "fast-3"
