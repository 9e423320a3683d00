"""LM Studio's native API: which models it has, loading and unloading (docs/protocol/lm-studio.md).

`/api/v1` since 0.4.0; `/api/v0` before it knows less and cannot load.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import BackendError, ModelInfo
from anyclaude_tui.backends.http_client import Client, HttpError


@dataclass(frozen=True, slots=True)
class LmModel:
    """A model, or one loaded instance of it; `id` is what a request calls it."""

    key: str
    id: str
    loaded: bool
    context_tokens: int | None = None
    """Of the loaded instance; it may be far below the model's own."""
    max_context_tokens: int | None = None
    vision: bool = False
    size_bytes: int | None = None
    detail: str = ""

    def info(self) -> ModelInfo:
        """For screens."""
        window = self.context_tokens if self.loaded else self.max_context_tokens
        return ModelInfo(self.id, window, self.loaded, self.size_bytes, self.detail)


async def is_lm_studio(client: Client) -> bool:
    """True if the server is LM Studio."""
    return (await http.get_object(client, "/lmstudio-greeting")).get("lmstudio") is True


async def list_models(client: Client) -> list[LmModel]:
    """All language models, loaded ones first. Raises BackendError in words."""
    found = await http.get_object(client, "/api/v1/models")
    if isinstance(found.get("models"), list):
        models = [model for item in http.parts(found["models"]) for model in _from_v1(item)]
    else:
        found = await http.get_object(client, "/api/v0/models")
        if not isinstance(found.get("data"), list):
            raise BackendError(
                "LM Studio does not list its models: is it older than 0.3.6, or does it need "
                "a key (api_key)?"
            )
        models = [model for item in http.parts(found["data"]) for model in _from_v0(item)]
    return sorted(models, key=lambda model: not model.loaded)


async def load(client: Client, key: str, context_tokens: int | None, *, timeout_s: float) -> None:
    """Load a model. Raises BackendError in LM Studio's words."""
    body: dict[str, Any] = {"model": key, "echo_load_config": True}
    if context_tokens:
        body["context_length"] = context_tokens
    await _post(client, "/api/v1/models/load", body, f"load {key}", timeout_s)


async def unload(client: Client, instance_id: str) -> None:
    """Unload an instance. Raises BackendError in LM Studio's words."""
    body = {"instance_id": instance_id}
    await _post(client, "/api/v1/models/unload", body, f"unload {instance_id}", 60.0)


async def _post(
    client: Client, path: str, body: dict[str, Any], what: str, timeout_s: float
) -> None:
    try:
        answer = await client.post(path, body, timeout_s=timeout_s)
    except HttpError as error:
        raise http.unreachable(client.base_url, error) from None
    if answer.status_code == 404:
        raise BackendError(f"this LM Studio cannot {what} (that needs 0.4.0): do it there by hand")
    if answer.status_code != 200:
        raise BackendError(f"LM Studio could not {what}: {http.words(answer)}")


def _from_v1(item: dict[str, Any]) -> list[LmModel]:
    """One model of `/api/v1/models`: its loaded instances, or itself when there is none."""
    if item.get("type") == "embedding" or "key" not in item:
        return []
    key = str(item["key"])
    capabilities = http.part(item.get("capabilities"))
    common: dict[str, Any] = {
        "key": key,
        "max_context_tokens": http.number(item.get("max_context_length")),
        "vision": bool(capabilities.get("vision")),
        "size_bytes": http.number(item.get("size_bytes")),
        "detail": str(item.get("format") or ""),
    }
    instances = [
        LmModel(
            id=str(instance.get("id") or key),
            loaded=True,
            context_tokens=http.number(http.part(instance.get("config")).get("context_length")),
            **common,
        )
        for instance in http.parts(item.get("loaded_instances"))
    ]
    return instances or [LmModel(id=key, loaded=False, **common)]


def _from_v0(item: dict[str, Any]) -> list[LmModel]:
    """One model of `/api/v0/models`."""
    if item.get("type") == "embeddings" or "id" not in item:
        return []
    key = str(item["id"])
    return [
        LmModel(
            key=key,
            id=key,
            loaded=item.get("state") == "loaded",
            context_tokens=http.number(item.get("loaded_context_length")),
            max_context_tokens=http.number(item.get("max_context_length")),
            vision=item.get("type") == "vlm",
            detail=str(item.get("compatibility_type") or ""),
        )
    ]
