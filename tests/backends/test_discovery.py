"""What is found: servers on ports, models on disk. The servers are FAKES or the simulator."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from anyclaude_tui.backends.discovery import Offer, discover
from anyclaude_tui.backends.models import ollama
from anyclaude_tui.backends.models.on_disk import find_models
from anyclaude_tui.config.settings import BackendSettings
from tests.backends.conftest import Make
from tests.backends.fakes import Fake, LmStudio, openai, serving
from tests.backends.models.test_gguf import LLAMA, packed
from tests.support.assets import TINY_GGUF, TINY_MODEL


@pytest.fixture(autouse=True)
def nobodys_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home without models."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("HF_HOME", raising=False)
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    return tmp_path


def port_of(fake: Fake) -> int:
    return int(fake.url.rpartition(":")[2])


async def test_servers_are_offered_as_what_they_are() -> None:
    llama = openai({"id": "m.gguf", "owned_by": "llamacpp", "meta": {"n_ctx": 8192}})
    locked = Fake({"GET /v1/models": (401, {})})
    website = Fake({"GET /v1/models": (404, {})})
    async with (
        serving(llama),
        serving(LmStudio(context=4096)) as studio,
        serving(locked),
        serving(website),
    ):
        ports = [port_of(fake) for fake in (llama, studio, locked, website)]
        found = await discover(ports=[*ports, 9])
    offers = {offer.spec: offer for offer in found.offers}
    assert len(offers) == 3
    assert offers[f"openai:{llama.url}"].title == f"llama.cpp at 127.0.0.1:{port_of(llama)}"
    assert offers[f"openai:{llama.url}"].detail == "m.gguf, 8,192 tokens"
    assert offers[f"lmstudio:{studio.url}"].detail == "gpt-oss-20b, 4,096 tokens"
    assert not offers[f"openai:{locked.url}"].usable
    assert "needs a key" in offers[f"openai:{locked.url}"].detail
    assert not llama.bodies("POST /v1/chat/completions")  # only looked at


async def test_configured_urls_are_looked_at_and_our_own_ports_are_not() -> None:
    async with serving(openai({"id": "a"})) as configured, serving(openai({"id": "b"})) as ours:
        settings = {"x": BackendSettings(kind="openai", url=f"{configured.url}/v1")}
        found = await discover(settings, ports=[port_of(ours)], not_ports={port_of(ours)})
    assert [offer.spec for offer in found.offers] == [f"openai:{configured.url}"]


async def test_a_simulator_is_named_one(make: Make) -> None:
    simulator = make(kind="simulator", profile="fast,speed=100")
    await simulator.start()
    found = await discover(ports=[simulator.port])
    assert found.offers[0].title.startswith("simulated server")


async def test_models_on_disk_are_offered_to_an_installed_server(nobodys_home: Path) -> None:
    """`~/models`, where the documentation has them, is looked through without being named."""
    shutil.copytree(TINY_MODEL, nobodys_home / "models" / "tiny")
    found = await discover(ports=[], model_folders=["~/more models"])
    (offer,) = found.offers
    assert found.looked_in.startswith("~/more models, ~/models and ")
    assert isinstance(offer, Offer)
    assert offer.spec == f"mlx_lm:{nobodys_home / 'models' / 'tiny'}"
    assert offer.title == "tiny"
    assert "32,768 tokens" in offer.detail
    assert {tool.kind for tool in found.tools} >= {"mlx_lm", "vllm_mlx", "lmstudio"}
    assert next(tool for tool in found.tools if tool.kind == "mlx_lm").where


def test_the_usual_places(nobodys_home: Path) -> None:
    def model(path: Path, architecture: str = "LlamaForCausalLM") -> None:
        path.mkdir(parents=True)
        (path / "config.json").write_text(json.dumps({"architectures": [architecture]}))
        (path / "model.safetensors").write_bytes(b"x")

    hub = nobodys_home / ".cache/huggingface/hub"
    model(hub / "models--mlx-community--Qwen3" / "snapshots" / "abc")
    model(hub / "models--x--embedder" / "snapshots" / "abc", "BertModel")
    (hub / "models--x--unfinished" / "snapshots" / "abc").mkdir(parents=True)
    model(nobodys_home / ".lmstudio/models/lm-community/gpt-oss")
    elsewhere = nobodys_home / "studio"
    elsewhere.mkdir()
    (nobodys_home / ".lmstudio-home-pointer").write_text(f"{elsewhere}\n")
    folder = nobodys_home / "big disk"
    (elsewhere / "settings.json").write_text(json.dumps({"downloadsFolder": str(folder)}))
    model(folder / "lm-community/gemma")
    found = find_models()
    assert [(model.name, model.place) for model in found] == [
        ("lm-community/gemma", "LM Studio"),
        ("lm-community/gpt-oss", "LM Studio"),
        ("mlx-community/Qwen3", "Hugging Face cache"),
    ]


def test_gguf_files_in_the_usual_places(
    nobodys_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def model(path: Path, **more: object) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(packed({**LLAMA, **more}))

    monkeypatch.delenv("OLLAMA_MODELS", raising=False)
    monkeypatch.delenv("LLAMA_CACHE", raising=False)
    hub = nobodys_home / ".cache/huggingface/hub/models--unsloth--Qwen3-GGUF/snapshots/abc"
    model(hub / "Qwen3-Q4_K_M.gguf")
    model(hub / "UD-Q8/Qwen3-Q8-00001-of-00002.gguf")
    model(hub / "UD-Q8/Qwen3-Q8-00002-of-00002.gguf")
    model(nobodys_home / ".lmstudio/models/lm/gemma/gemma.gguf")
    model(nobodys_home / ".lmstudio/models/lm/gemma/mmproj-gemma.gguf")
    model(nobodys_home / ".cache/llama.cpp/ggml-org_tiny.gguf")
    model(nobodys_home / "mine/a.gguf")
    model(nobodys_home / "mine/embedder.gguf", **{"general.architecture": "bert"})
    (nobodys_home / "mine/broken.gguf").write_bytes(b"GGUF")
    store = nobodys_home / ".ollama/models"
    digest = "0f" * 32
    model(store / f"blobs/sha256-{digest}")
    manifest = store / "manifests/registry.ollama.ai/library/qwen3/8b"
    manifest.parent.mkdir(parents=True)
    layer = {"mediaType": "application/vnd.ollama.image.model", "digest": f"sha256:{digest}"}
    manifest.write_text(json.dumps({"layers": [{"mediaType": "x"}, layer]}))
    (manifest.parent / "odd").write_text(json.dumps({"layers": "x"}))
    found = find_models([str(nobodys_home / "mine")])
    assert [(model.name, model.place, model.format) for model in found] == [
        ("a", str(nobodys_home / "mine"), "gguf"),
        ("ggml-org_tiny", "llama.cpp's cache", "gguf"),
        ("lm/gemma", "LM Studio", "gguf"),
        ("qwen3:8b", "Ollama", "gguf"),
        ("unsloth/Qwen3-Q4_K_M", "Hugging Face cache", "gguf"),
        ("unsloth/Qwen3-Q8", "Hugging Face cache", "gguf"),
    ]
    assert ollama.name_of(store / f"blobs/sha256-{digest}") == "qwen3:8b"


async def test_a_gguf_file_is_offered_to_llama_cpp(nobodys_home: Path) -> None:
    folder = nobodys_home / "models"
    folder.mkdir()
    shutil.copy(TINY_GGUF, folder)
    (offer,) = (await discover(ports=[], model_folders=[str(folder)])).offers
    assert offer.spec == f"llama_cpp:{folder / TINY_GGUF.name}"
    assert "131,072 tokens" in offer.detail
    assert offer.usable
