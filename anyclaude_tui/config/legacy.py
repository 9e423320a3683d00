"""The predecessor's settings, understood: `.anyclauderc.json` and its environment variables.

Users of anyclaude come with a file and habits (`--mode`, LMSTUDIO_URL…). Both are turned into
the words of `config.toml` here, and nowhere else; `config import` writes the result down.
The file's form is from the public documentation of akaszubski/anyclaude-local.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE_NAME = ".anyclauderc.json"
NO_MODEL = ("current-model", "default_model", "")
"""The names that stood for "whatever is loaded"."""
CLAUDE_URL = "https://api.anthropic.com"
OPENROUTER_URL = "https://openrouter.ai/api/v1"
LOCAL_URL = "http://localhost:8081/v1"
URL_VARIABLES = {
    "LMSTUDIO_URL": ("lmstudio", "lmstudio"),
    "LOCAL_URL": ("local", "openai"),
    "MLX_LM_URL": ("mlx-lm", "openai"),
}
"""Variable → the backend's name and, with a URL, its kind."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "local": {"kind": "openai", "url": LOCAL_URL},
    "openrouter": {"kind": "openai", "url": OPENROUTER_URL, "api_key": "env:OPENROUTER_API_KEY"},
    "claude": {"kind": "anthropic", "url": CLAUDE_URL, "api_key": "env:ANTHROPIC_API_KEY"},
}
"""The backends that `--mode NAME` meant without any file."""
_TAKEN = frozenset(
    {
        *("enabled", "port", "baseUrl", "apiKey", "model", "modelPath", "contextLength"),
        *("pythonVenv", "description", "discovery", "compatibility"),
        *("autoStartServer", "startupTimeout", "serverScript"),
    }
)
"""Keys of a backend that are taken over, or that have no meaning left."""


class LegacyError(ValueError):
    """The file cannot be understood; the text names file and line."""


def find(users_home: Path) -> Path | None:
    """The user's own `.anyclauderc.json`; one in a project's folder is not the user's."""
    path = users_home / FILE_NAME
    return path if path.is_file() else None


def read(path: Path) -> tuple[dict[str, Any], list[str]]:
    """The settings of a file as `config.toml` has them, and notes on what was left out.

    Raises LegacyError, or OSError when it cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LegacyError(f"{path}: not UTF-8: {error}") from None
    return parse(text, path)


def parse(text: str, path: Path) -> tuple[dict[str, Any], list[str]]:
    """The same for the text of the file at `path`. Raises LegacyError."""
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise LegacyError(f"{path}:{error.lineno}: not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        raise LegacyError(f"{path}: not valid JSON: {error}") from None
    if not isinstance(data, dict):
        raise LegacyError(f"{path}: an object is expected, with backend and backends in it")
    return translate(data)


def translate(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The same for what the JSON holds."""
    notes: list[str] = []
    made: dict[str, Any] = {}
    backends: dict[str, Any] = {}
    for name, given in _object(data.get("backends")).items():
        if name.startswith("//"):
            continue
        found = _backends(name, _object(given), notes)
        backends.update(found)
    active = data.get("backend")
    if isinstance(active, str) and active:
        if active not in backends:
            backends.update(_backends(active, {}, notes))
        first = next((name for name in backends if name.startswith(f"{active}-")), active)
        made["backend"] = active if active in backends else first
    if backends:
        made["backends"] = backends
    if isinstance(data.get("port"), int):
        made["proxy"] = {"port": data["port"]}
    debug = _object(data.get("debug"))
    level = debug.get("level")
    if debug.get("enableTraces") is True:
        level = 3
    if isinstance(level, int) and 0 <= level <= 3 and level:
        made["logs"] = {"debug": level}
    known = ("backend", "backends", "port", "debug")
    strange = [key for key in data if key not in known and not key.startswith("//")]
    notes += [f"{key}: not taken over, there is nothing like it here" for key in strange]
    return made, notes


def environment(env: Mapping[str, str]) -> dict[str, Any]:
    """The settings made by the predecessor's variables, as in `config.toml`. Raises LegacyError."""
    made: dict[str, Any] = {}
    for variable, (name, kind) in URL_VARIABLES.items():
        url = env.get(variable)
        if not url:
            continue
        if not url.startswith(("http://", "https://")):
            raise LegacyError(f"{variable}: a URL is expected, http://127.0.0.1:1234/v1")
        made.setdefault("backends", {})[name] = {"kind": kind, "url": url}
    port = env.get("ANYCLAUDE_PORT")
    if port:
        if not port.isdigit() or not 0 <= int(port) <= 65535:
            raise LegacyError(f"ANYCLAUDE_PORT={port}: use a port, 0 to 65535")
        made["proxy"] = {"port": int(port)}
    return made


def _backends(name: str, given: dict[str, Any], notes: list[str]) -> dict[str, dict[str, Any]]:
    """One old backend as new ones: none where it says too little, several for a cluster."""
    left = sorted(key for key in given if key not in _TAKEN and not key.startswith("//"))
    if left:
        notes.append(f"backends.{name}: {', '.join(left)} not taken over")
    nodes = _object(given.get("discovery")).get("nodes")
    if isinstance(nodes, list):
        found = {
            f"{name}-{node.get('id', place)}": {"kind": "openai", "url": str(node["url"])}
            for place, node in enumerate(nodes, 1)
            if isinstance(node, dict) and "url" in node
        }
        notes.append(f"backends.{name}: each node is a backend of its own now")
        return found
    made = _kind(name, given)
    if made is None:
        notes.append(f"backends.{name}: left out, it names neither a model nor a URL")
        return {}
    key = given.get("apiKey")
    if name in DEFAULTS and "api_key" in DEFAULTS[name]:
        real = isinstance(key, str) and key and "YOUR" not in key
        made["api_key"] = key if real else DEFAULTS[name]["api_key"]
    elif isinstance(key, str) and key and key not in (name, "lm-studio", "local", "mlx"):
        made["api_key"] = key  # the others were placeholders
    window = given.get("contextLength")
    if isinstance(window, int) and window > 0:
        made["context_window"] = window
    return {name: made}


def _kind(name: str, given: dict[str, Any]) -> dict[str, Any] | None:
    """Kind, and URL or model: a model's path is started, a URL is used as it is."""
    model = str(given.get("model") or "")
    path = str(given.get("modelPath") or (model if model.startswith(("/", "~", ".")) else ""))
    url = given.get("baseUrl")
    port = given.get("port")
    if name == "claude":
        made: dict[str, Any] = {"kind": "anthropic", "url": url or CLAUDE_URL}
    elif name == "lmstudio":
        address = url or f"http://127.0.0.1:{port or 1234}"
        made = {"kind": "lmstudio", "url": str(address).removesuffix("/v1")}
    elif path and (name in ("local", "vllm-mlx") or name.startswith("mlx")):
        made = {"kind": "vllm_mlx" if name == "vllm-mlx" else "mlx_lm", "model": path}
        if isinstance(port, int):
            made["port"] = port
        venv = given.get("pythonVenv")
        if venv:
            made["python"] = str(Path(str(venv)) / "bin" / "python")
        return made
    elif url or isinstance(port, int) or name in DEFAULTS:
        known = DEFAULTS.get(name, {}).get("url")
        address = url or (f"http://127.0.0.1:{port}/v1" if isinstance(port, int) else known)
        made = {"kind": "openai", "url": str(address)}
    else:
        return None
    if model not in NO_MODEL:
        made["model"] = model
    return made


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
