"""Count a prompt with the model's own tokenizer and chat template, from its directory.

Both libraries are imported only here and only when asked: `tokenizers` is large, and
`jinja2` comes with mlx-lm, so it may not be there. A template of a model is a program of
somebody else: it runs in jinja's sandbox, as transformers does it.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyclaude_tui.backends.models.files import special_tokens, template_of
from anyclaude_tui.proxy.wire.safe_json import canonical_json

if TYPE_CHECKING:
    from anyclaude_tui.backends.templates.jinja import Render

_KEPT = 4
"""Models whose tokenizer stays loaded."""

_lock = threading.Lock()
_loaded: OrderedDict[str, _Model | None] = OrderedDict()


@dataclass(frozen=True, slots=True)
class Count:
    """Tokens of a prompt; `exact` when the model's own template was rendered."""

    tokens: int
    exact: bool


@dataclass(frozen=True, slots=True)
class _Model:
    tokenizer: Any
    render: Render | None


def count_locally(directory: str, body: dict[str, Any]) -> Count | None:
    """Tokens of an OpenAI request. Blocks: for a worker thread. None when it cannot be done."""
    try:
        model = _model(directory)
        if model is None:
            return None
        if model.render is not None and not _has_images(body):
            try:
                text = model.render(body)
            except Exception:  # a template may raise anything, by design even
                pass
            else:
                return Count(_tokens(model.tokenizer, text), exact=True)
        return Count(_tokens(model.tokenizer, _plain(body)), exact=False)
    except Exception:  # counting is never the reason that a request fails
        return None


def _model(directory: str) -> _Model | None:
    with _lock:  # 20 requests at once load it once
        if directory in _loaded:
            _loaded.move_to_end(directory)
            return _loaded[directory]
        try:
            model = _load(Path(directory))
        except Exception:  # no tokenizer.json, a broken one, or the library is missing
            model = None
        _loaded[directory] = model
        if len(_loaded) > _KEPT:
            _loaded.popitem(last=False)
        return model


def _load(directory: Path) -> _Model:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(directory / "tokenizer.json"))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    config: dict[str, Any] = {}
    config_path = directory / "tokenizer_config.json"
    if config_path.exists():
        config = json.loads(config_path.read_text(encoding="utf-8"))
    return _Model(tokenizer, _renderer(_template(directory, config), config))


def _template(directory: Path, config: dict[str, Any]) -> str | None:
    """The chat template's text: its own file, else in the tokenizer's configuration."""
    path = directory / "chat_template.jinja"
    if path.exists():
        return path.read_text(encoding="utf-8")
    return template_of(config.get("chat_template"))


def _renderer(template: str | None, config: dict[str, Any]) -> Render | None:
    if template is None:
        return None
    try:
        from anyclaude_tui.backends.templates.jinja import renderer
    except ImportError:
        return None
    return renderer(template, special_tokens(config))


def _plain(body: dict[str, Any]) -> str:
    """The texts of a request one after the other, for where no template can be rendered."""
    texts = [canonical_json(tool) for tool in body.get("tools", [])]
    for message in body["messages"]:
        content = message["content"]
        parts = [content] if isinstance(content, str) else [p.get("text", "") for p in content]
        calls = [canonical_json(call["function"]) for call in message.get("tool_calls", [])]
        texts += ["", message["role"], *parts, *calls]
    return "\n".join(texts)


def _has_images(body: dict[str, Any]) -> bool:
    return any(
        part["type"] != "text"
        for message in body["messages"]
        if not isinstance(message["content"], str)
        for part in message["content"]
    )


def _tokens(tokenizer: Any, text: str) -> int:
    # The template writes the special tokens itself.
    return len(tokenizer.encode(text, add_special_tokens=False))
