"""The child that reads a PDF: its bytes on stdin, `[text, problem]` as JSON on stdout."""

from __future__ import annotations

import io
import json
import logging
import sys

from anyclaude_tui.bounded import limit_myself

MAX_PAGES = 100
"""Pages that are read; the Messages API itself takes no more."""
MAX_CHARACTERS = 600_000


def main() -> None:
    """Read it within the limits that stand on the command line."""
    limit_myself(sys.argv[1:])
    sys.stdout.write(json.dumps(pages(sys.stdin.buffer.read())))


def pages(raw: bytes) -> tuple[str, str]:
    """The text, and what was wrong or left out ("" when nothing)."""
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


if __name__ == "__main__":
    main()
