"""The text of a PDF, for models that read no PDFs.

It is read in a process of its own (`bounded`): a few kilobytes of PDF can ask for hours,
or for all memory. The same bytes give the same text each turn: what was read once is kept, a
few documents long, because Claude Code sends a document again with every turn.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import threading
from collections import OrderedDict

from anyclaude_tui import bounded
from anyclaude_tui.bounded import BoundedError

READ_S = 10.0
_CHILD = "anyclaude_tui.proxy.request.pdf_child"
_KEPT = 16
_TURN_S = 0.1

_read: OrderedDict[bytes, tuple[str, str]] = OrderedDict()
_lock = threading.Lock()
"""Requests with a PDF are translated off the loop: one at a time, and each PDF once."""


def pdf_text(data: str) -> tuple[str, str]:
    """The text of a base64 PDF, and what was wrong or left out ("" when nothing).

    Takes seconds for a long one the first time, and READ_S at most once it is its turn. Raises
    BoundedError when nobody waits for it any more.
    """
    key = hashlib.sha256(data.encode()).digest()
    while not _lock.acquire(timeout=_TURN_S):
        if bounded.abandoned():
            raise BoundedError("nobody waits for it any more")
    try:
        known = _read.get(key)
        if known is None:
            known = _read[key] = _extract(data)
            if len(_read) > _KEPT:
                _read.popitem(last=False)
        else:
            _read.move_to_end(key)
    finally:
        _lock.release()
    return known


def _extract(data: str) -> tuple[str, str]:
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return "", "PDF left out: its data is not valid base64"
    try:
        answer = bounded.call(_CHILD, raw, seconds=READ_S)
    except BoundedError as error:
        if bounded.abandoned():
            raise
        return "", f"PDF left out, as it could not be read: {error}"
    text, problem = json.loads(answer)
    return text, problem
