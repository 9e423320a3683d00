"""A short name for a backend that was given as `KIND:REST`: what the user's file and the screens
call it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

LONGEST = 24


def short_name(spec: str, taken: Collection[str] = ()) -> str:
    """`mlx_lm:~/models/Qwen3-Coder-30B-A3B-4bit` is `qwen3-coder-30b-a3b-4bit`, a server its kind
    and port (`openai-8080`), a kind alone stays what it is. None of `taken`."""
    kind, _, rest = spec.partition(":")
    if not rest:
        return spec
    if "://" in rest:
        parts = urlsplit(rest)
        words = f"{kind}-{parts.port or parts.hostname}"
    else:
        words = rest.rstrip("/").rpartition("/")[2].removesuffix(".gguf")
    base = re.sub(r"[^a-z0-9._]+", "-", words.lower()).strip("-.")[:LONGEST].strip("-.") or kind
    name, number = base, 1
    while name in taken:
        number += 1
        name = f"{base}-{number}"
    return name
