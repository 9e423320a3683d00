"""The text of a PDF, for models that read no PDFs.

The same bytes give the same text each turn: what was read once is kept, a few documents
long, because Claude Code sends a document again with every turn.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import logging
import threading
from collections import OrderedDict

MAX_PAGES = 100
"""Pages that are read; the Messages API itself takes no more."""
MAX_CHARACTERS = 600_000
_KEPT = 16

_read: OrderedDict[bytes, tuple[str, str]] = OrderedDict()
_lock = threading.Lock()
"""Requests with a PDF are translated off the loop: one at a time, and each PDF once."""


def pdf_text(data: str) -> tuple[str, str]:
    """The text of a base64 PDF, and what was wrong or left out ("" when nothing).

    Takes seconds for a long one the first time. Raises nothing.
    """
    key = hashlib.sha256(data.encode()).digest()
    with _lock:
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
    try:
        import pypdf
    except ImportError:
        return "", "PDF left out: reading one needs the pypdf package"
    # It logs every oddity of a file, and a log line on the terminal would tear the dashboard.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL + 1)
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
    except Exception as error:  # a broken file makes pypdf raise nearly anything
        return "", f"PDF left out: it cannot be read ({type(error).__name__}: {error})"
    if not any(page.strip() for page in pages):
        return "", f"PDF left out: its {total} pages hold no text, only images"
    text = "\n".join(f"[page {number}]\n{page}" for number, page in enumerate(pages, 1))
    if len(pages) < total:
        return text, f"only the first {len(pages)} of the PDF's {total} pages are here"
    return text, ""
