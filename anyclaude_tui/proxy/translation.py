"""The translation of a request, off the loop where it would hold the streams up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from anyclaude_tui.backends.base import Endpoint
from anyclaude_tui.proxy.prefix import CallMemory
from anyclaude_tui.proxy.request import UpstreamRequest, translate


def slow_to_translate(raw: bytes) -> bool:
    """Whether this body holds a PDF, which takes up to seconds to read."""
    return b"application/pdf" in raw


async def translated(
    body: Mapping[str, Any], endpoint: Endpoint, memory: CallMemory, slow: bool
) -> UpstreamRequest:
    """`translate`, in a thread where it is slow; elsewhere a thread would cost more."""
    if slow:
        return await asyncio.to_thread(translate, body, endpoint, memory)
    return translate(body, endpoint, memory)
