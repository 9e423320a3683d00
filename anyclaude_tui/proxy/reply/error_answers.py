"""A backend's error, in whatever form it comes → the Anthropic error that the client sees.

Pure. The backend's own words stay. Type and status are chosen by what Claude Code does
with them, measured on 2.1.329 and 2.1.332: about a 400 or 422 it negotiates, so only an
overflow is one; a 403 is sent twice in the terminal, and told as a failure of its own login; 404
hides the message behind "issue with the selected model", 413 behind "Request too large (max
32MB)", 529 and `overloaded_error` are retried for three minutes whatever we say; these are told
under a neighbouring status. `x-should-retry: false` goes with
everything, so that the words are seen at once; a Retry-After is not passed on: Claude Code then
spun for over 100 s without a word (measured, 2.1.329). What broke off before an answer the
proxy repeats itself.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from anyclaude_tui.proxy.errors import REFUSED, ApiError
from anyclaude_tui.proxy.reply.overflow import overflow_error
from anyclaude_tui.proxy.wire.safe_json import clean_text
from anyclaude_tui.redaction import clean

MAX_WORDS = 2_000
"""Longest text of a backend that is passed on."""

_BY_STATUS: dict[int, tuple[str, int]] = {
    400: ("invalid_request_error", REFUSED),
    401: ("authentication_error", 401),
    402: ("billing_error", 402),
    403: ("permission_error", REFUSED),
    404: ("not_found_error", REFUSED),
    408: ("timeout_error", 504),
    413: ("request_too_large", REFUSED),
    429: ("rate_limit_error", 429),
    504: ("timeout_error", 504),
    529: ("api_error", 503),
}
"""Backend's status → our type and status. Other 4xx are a wrong request, 5xx an api_error."""

_NEVER_OVERFLOW = frozenset({401, 402, 403, 408, 429, 503, 504, 529})

_BY_TYPE: tuple[tuple[str, int], ...] = (
    ("authentication", 401),
    ("permission", 403),
    ("not_found", 404),
    ("notfound", 404),
    ("rate_limit", 429),
    ("ratelimit", 429),
    ("too_large", 413),
    ("overloaded", 529),
    ("unavailable", 503),
    ("timeout", 504),
    ("invalid", 400),
    ("badrequest", 400),
    ("bad_request", 400),
    ("validation", 400),
)
"""Words in an error's type or code that tell the status, where none is given."""

_PAGE_CHARACTERS = 16_000
"""The characters of an error page that are read: a page made to be slow must not be."""

_ANSI = re.compile(r"\x1b\[[0-9;?]*[@-~]")
_SPACE = re.compile(r"\s+")
_OPENER = re.compile(r"<(?:(script|style|head)\b|(!--)|[^>]{0,500}>)", re.IGNORECASE)
_CLOSERS = {
    "!--": re.compile("-->"),
    **{tag: re.compile(rf"</{tag}\s*>", re.IGNORECASE) for tag in ("script", "style", "head")},
}
_TITLE = re.compile(r"<title[^>]{0,500}>([^<]{0,500})", re.IGNORECASE)


def from_upstream(
    status: int,
    content_type: str,
    body: bytes,
    *,
    prompt_tokens: int | None = None,
    window_tokens: int | None = None,
    native: bool = False,
) -> ApiError:
    """The error for an answer with an error status.

    `prompt_tokens` and `window_tokens`, where known, complete an overflow whose words
    have no numbers. `native`: the server speaks the Messages API itself; its 400 and 422 stay,
    for what Claude Code negotiates about (betas, fields) is the server's to say. Raises nothing.
    """
    text = body.decode("utf-8", "replace")
    payload: Any = None
    if text.lstrip()[:1] in ("{", "[", '"'):
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError):
            payload = None
    if payload is not None:
        words = _words(payload)
    elif "html" in content_type.lower() or text.lstrip()[:1] == "<":
        words = _html_words(text)
    else:
        words = text
    # A body without words of its own (`{}`) is still shown: it is all that there is.
    words = _tidy(words) or _tidy(text)
    error = _error(status, payload, words, prompt_tokens, window_tokens)
    if native and status in (400, 422):
        error.status = status
    return error


def from_payload(
    payload: Any, *, prompt_tokens: int | None = None, window_tokens: int | None = None
) -> ApiError:
    """The error for an `{"error": …}` object that came inside a 200 stream. Raises nothing."""
    words = _tidy(_words(payload))
    return _error(_status_in(payload), payload, words, prompt_tokens, window_tokens)


def is_no_reply(payload: Any) -> bool:
    """True if an object in a 200 is an error without the word's own key: FastAPI's `detail`, old
    vLLM's `object: error`, `{"code": …, "msg": …}` of gateways, MiniMax's `base_resp`."""
    if not isinstance(payload, Mapping) or payload.get("choices") or payload.get("content"):
        return False
    base = payload.get("base_resp")
    if isinstance(base, Mapping) and base.get("status_code"):
        return True
    if payload.get("detail") or payload.get("object") == "error" or payload.get("success") is False:
        return True
    if any(payload.get(key) for key in ("errors", "fault", "Message", "error_message")):
        return True
    words = any(
        isinstance(payload.get(key), str) and payload[key] for key in ("msg", "message", "errorMsg")
    )
    told = any(key in payload for key in ("code", "status", "success", "errorCode"))
    return words and (told or len(payload) == 1)


def _error(
    status: int,
    payload: Any,
    words: str,
    prompt_tokens: int | None,
    window_tokens: int | None,
) -> ApiError:
    error = overflow_error(
        words,
        _inner(payload),
        prompt_tokens=prompt_tokens,
        window_tokens=window_tokens,
    )
    if error is not None and status not in _NEVER_OVERFLOW:
        return error
    kind, ours = _BY_STATUS.get(
        status, ("invalid_request_error", REFUSED) if 400 <= status < 500 else ("api_error", 500)
    )
    if status == 503:
        ours = 503
    if not words:
        words = f"the backend answered {status} without a word; its log may say more"
    return ApiError(kind, words, status=ours, retry=False)


def _inner(payload: Any) -> Mapping[str, Any]:
    """The object that describes the error, however it is wrapped."""
    for _ in range(4):
        if isinstance(payload, list) and payload:
            payload = payload[0]
        if not isinstance(payload, Mapping):
            return {}
        wrapped = payload.get("error") or payload.get("detail")
        if not isinstance(wrapped, (Mapping, list)):
            break
        payload = wrapped
    return payload if isinstance(payload, Mapping) else {}


_WORDS = (
    *("message", "error", "detail", "errors", "error_message", "errorMsg", "title"),
    *("Message", "fault", "faultstring"),  # AWS's gateways; Apigee's
)


def _words(payload: Any, depth: int = 0) -> str:
    """The human part of an error object: OpenAI, Anthropic, FastAPI, mlx, Ollama forms."""
    if isinstance(payload, str):
        return _nested(payload, depth)
    if depth > 5:
        return ""
    if isinstance(payload, list):
        return "; ".join(filter(None, (_words(item, depth + 1) for item in payload[:5])))
    if not isinstance(payload, Mapping):
        return ""
    if isinstance(payload.get("msg"), str):  # FastAPI: {"loc": ["body", "model"], "msg": …}
        where = payload.get("loc")
        path = ".".join(str(step) for step in where) if isinstance(where, list) else ""
        return f"{path}: {payload['msg']}" if path else str(payload["msg"])
    base = payload.get("base_resp")
    if isinstance(base, Mapping) and isinstance(base.get("status_msg"), str):
        return str(base["status_msg"])
    inner = payload.get("metadata")
    if isinstance(inner, Mapping) and isinstance(inner.get("raw"), str):  # OpenRouter
        said = _nested(inner["raw"], depth).strip()
        if said and isinstance(payload.get("message"), str) and said not in payload["message"]:
            return f"{payload['message']}: {said}"
    for key in _WORDS:
        words = _words(payload.get(key), depth + 1)
        if words:
            return words
    for key in ("type", "code"):
        if isinstance(payload.get(key), str):
            return str(payload[key])
    return ""


def _nested(text: str, depth: int) -> str:
    """A message that is JSON itself (gateways wrap errors so) gives its inner words."""
    if depth <= 3 and text.lstrip().startswith("{"):
        try:
            return _words(json.loads(text), depth + 2) or text
        except (ValueError, RecursionError):
            pass
    return text


def _html_words(text: str) -> str:
    """The title and the text of an error page."""
    text = text[:_PAGE_CHARACTERS]
    title = _TITLE.search(text)
    body = _tidy(html.unescape(" ".join(_outside_tags(text))))
    head = _tidy(html.unescape(title.group(1))) if title else ""
    if head and head not in body:
        return f"{head}: {body}" if body else head
    return body or head


def _outside_tags(page: str) -> Iterator[str]:
    """The text of a page between its tags, without scripts, styles, head and comments. In time
    linear in the page: a closer that is missing is looked for once."""
    at = 0
    missing: set[str] = set()
    while found := _OPENER.search(page, at):
        yield page[at : found.start()]
        at = found.end()
        kind = (found[1] or found[2] or "").lower()
        if not kind:
            continue
        end = None if kind in missing else _CLOSERS[kind].search(page, at)
        if end is None:
            missing.add(kind)
        else:
            at = end.end()
    yield page[at:]


def _status_in(payload: Any) -> int:
    """The status that an error object tells, by number or by its type; 500 if none."""
    inner = _inner(payload)
    for key in ("code", "status", "status_code"):
        value = inner.get(key)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) == 3:
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
            return value
    said = " ".join(str(inner.get(key, "")) for key in ("type", "code")).lower()
    return next((status for word, status in _BY_TYPE if word in said), 500)


def _tidy(words: str) -> str:
    """One line, no control characters, no secrets, not too long."""
    words = clean_text(_SPACE.sub(" ", _ANSI.sub("", words[: 4 * MAX_WORDS])).strip())
    words = "".join(character for character in words if character.isprintable())
    words = clean(words)
    return words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1] + "…"


_LOST_CALL = re.compile(
    r"\btool.?call\b.{0,60}\b(?:incomplete|invalid|pars|malformed|decod)"
    r"|\b(?:incomplete|invalid|malformed|pars\w*|decod\w*)\b.{0,60}\btool.?call",
    re.IGNORECASE | re.DOTALL,
)
_JSON_FAULT = re.compile(
    r"Expecting (?:value|property name|',' delimiter|':' delimiter)|Unterminated string"
    r"|Extra data|Invalid (?:control character|\\?escape)|JSONDecodeError",
    re.IGNORECASE,
)


def is_lost_call(words: str, in_call: bool) -> bool:
    """True if an error in the stream says that the server could not read a call of the model's;
    `in_call`: one was coming. mlx-vlm 0.7.10: `Expecting value: line 1 column 46`, and `Generation
    ended with an incomplete tool call.`"""
    said = words[:600]
    return bool(_LOST_CALL.search(said) or _JSON_FAULT.match(said)) or (
        in_call and bool(_JSON_FAULT.search(said))
    )
