"""A request as a command for a shell: what is copied is run somewhere else, and holds no secret."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec


def command(proxy_url: str, trace: Mapping[str, Any]) -> str:
    """The `curl` that sends a trace's request to the proxy once more. The token is taken from the
    environment when it is run; secrets are out of a trace's body already."""
    body = msgspec.json.encode((trace.get("request") or {}).get("body")).decode()
    mark = "BODY"
    while f"\n{mark}\n" in f"\n{body}\n":
        mark += "_"
    return (
        f"curl -sN '{proxy_url}/v1/messages' \\\n"
        '  -H "Authorization: Bearer $ANTHROPIC_AUTH_TOKEN" \\\n'
        "  -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' \\\n"
        f"  --data-binary @- <<'{mark}'\n{body}\n{mark}\n"
    )
