"""A server that answers while it still loads its model: known by its status and words. Pure."""

from __future__ import annotations

import re

_WORDS = re.compile(
    r"\bloading (?:the |a |your )?model\b"
    r"|\bmodel\b.{0,80}\b(?:is|still|currently|being)\b.{0,20}\bload(?:ing|ed)\b"
    r"|\bstill loading\b|\bwarming up\b|\bstarting up\b",
    re.IGNORECASE | re.DOTALL,
)
_FAILED = re.compile(
    r"\b(?:failed|failure|error|unable|cannot|can't|could not|not)\b", re.IGNORECASE
)


def is_loading(status: int, words: str) -> bool:
    """True if an error answer means that the model still loads: ask again soon.

    llama.cpp (build 11434): 503 "Loading model" on every route for as long as the file takes;
    Hugging Face's servers: 503 "Model … is currently loading". One that failed to load is none.
    """
    said = words[:300]
    return status == 503 and bool(_WORDS.search(said)) and not _FAILED.search(said)
