"""The text of a PDF, for models that read no PDFs.

It is read in a process of its own (`bounded_child`): a few kilobytes of PDF can ask for hours,
or for all memory. The same bytes give the same text each turn: what was read once is kept, a
few documents long, because Claude Code sends a document again with every turn.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import json
import logging
import threading
from collections import OrderedDict

from anyclaude_tui import bounded_child
from anyclaude_tui.bounded_child import ChildError

MAX_PAGES = 100
"""Pages that are read; the Messages API itself takes no more."""
MAX_CHARACTERS = 600_000
READ_S = 10.0
MEMORY_BYTES = 512 * 2**20
_KEPT = 16

_read: OrderedDict[bytes, tuple[str, str]] = OrderedDict()
_lock = threading.Lock()
"""Requests with a PDF are translated off the loop: one at a time, and each PDF once."""


def pdf_text(data: str) -> tuple[str, str]:
    """The text of a base64 PDF, and what was wrong or left out ("" when nothing).

    Takes seconds for a long one the first time, and READ_S at most. Raises ChildError when
    nobody waits for it any more.
    """
    key = hashlib.sha256(data.encode()).digest()
    with bounded_child.held(_lock):
        known = _read.get(key)
        if known is None:
            known = _read[key] = _extract(data)
            if len(_read) > _KEPT:
                _read.popitem(last=False)
        else:
            _read.move_to_end(key)
    return known


def _extract(data: str) -> tuple[str, str]:
    try:
        raw = base64.b64decode("".join(data.split()), validate=True)
    except (binascii.Error, ValueError):
        return "", "PDF left out: its data is not valid base64"
    target = f"{__name__}:read"
    try:
        answer = bounded_child.call(target, raw, seconds=READ_S, memory_bytes=MEMORY_BYTES)
    except ChildError as error:
        if bounded_child.stopped():
            raise
        return "", f"PDF left out: reading it {error}"
    text, problem = json.loads(answer)
    return text, problem


def read(raw: bytes) -> bytes:
    """In the child: `[text, problem]` of a PDF, as JSON."""
    return json.dumps(_pages(raw)).encode()


def _pages(raw: bytes) -> tuple[str, str]:
    try:
        import pypdf
    except ImportError:
        return "", "PDF left out: reading one needs the pypdf package"
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)  # every oddity would be a line
    try:
        reader = pypdf.PdfReader(io.BytesIO(raw))
        total = len(reader.pages)
        pages: list[str] = []
        size = 0
        for page in reader.pages[:MAX_PAGES]:
            text = page.extract_text()
            size += len(text)
            if size > MAX_CHARACTERS:
                break
            pages.append(text)
    except MemoryError:
        raise
    except Exception as error:  # a broken file makes pypdf raise nearly anything
        return "", f"PDF left out: it cannot be read ({type(error).__name__}: {error})"
    if not any(page.strip() for page in pages):
        return "", f"PDF left out: its {total} pages hold no text, only images"
    text = "\n".join(f"[page {number}]\n{page}" for number, page in enumerate(pages, 1))
    if len(pages) < total:
        return text, f"only the first {len(pages)} of the PDF's {total} pages are here"
    return text, ""
