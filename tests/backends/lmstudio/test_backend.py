"""LM Studio against a FAKE written from its wire page (tests/backends/fakes.py)."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.backends import http
from anyclaude_tui.backends.base import BackendError, BackendState
from anyclaude_tui.backends.lmstudio import backend as lmstudio
from tests.backends.conftest import Make
from tests.backends.fakes import LmStudio, openai, serving
from tests.support.programs import sh_program


async def test_the_loaded_model_is_used_as_it_is(make: Make) -> None:
    async with serving(LmStudio(context=65_536)) as fake:
        backend = make(kind="lmstudio", url=fake.url)
        await backend.start()
        assert backend.endpoint.model == "gpt-oss-20b"
        assert backend.endpoint.window_tokens == 65_536
        assert backend.endpoint.slots.number == 1
        assert backend.endpoint.dialect.tool_choice == "strings"
        assert fake.bodies("POST /v1/chat/completions")[0]["tools"] == [http.TOOL]
        assert backend.status().warnings == ()
        assert fake.bodies("POST /api/v1/models/load") == []
        await backend.stop()
        assert fake.bodies("POST /api/v1/models/unload") == []


async def test_a_small_context_is_a_warning_with_a_remedy(make: Make) -> None:
    async with serving(LmStudio(context=4096)) as fake:
        backend = make(kind="lmstudio", url=fake.url)
        await backend.start()
        status = backend.status()
        assert "context of 4,096 tokens" in status.warnings[0]
        assert status.remedy == "load it again with 65,536 tokens"
        await backend.remedy()
        assert backend.endpoint.window_tokens == 65_536
        assert backend.status().warnings == ()
        assert backend.status().remedy == ""
        assert fake.bodies("POST /api/v1/models/unload") == [{"instance_id": "gpt-oss-20b"}]


async def test_what_is_not_loaded_is_loaded_with_the_wanted_context(make: Make) -> None:
    async with serving(LmStudio()) as fake:
        backend = make(
            kind="lmstudio", url=fake.url, model="openai/gpt-oss-20b", context_window=40_000
        )
        await backend.start()
        (load,) = fake.bodies("POST /api/v1/models/load")
        assert (load["model"], load["context_length"]) == ("openai/gpt-oss-20b", 40_000)
        assert backend.endpoint.window_tokens == 40_000
        await backend.restart()
        assert len(fake.bodies("POST /api/v1/models/load")) == 2
        assert backend.endpoint.window_tokens == 40_000


async def test_its_words_come_through_when_it_cannot_load(make: Make) -> None:
    async with serving(LmStudio(context=4096)) as fake:
        backend = make(kind="lmstudio", url=fake.url)
        await backend.start()
        with pytest.raises(BackendError, match=r"could not load .*: context too long"):
            await backend.load_model("openai/gpt-oss-20b", 1_000_000)


async def test_models_are_listed_and_unloaded(make: Make) -> None:
    async with serving(LmStudio(context=4096)) as fake:
        backend = make(kind="lmstudio", url=fake.url)
        (model,) = await backend.models()
        assert (model.id, model.loaded, model.window_tokens) == ("gpt-oss-20b", True, 4096)
        await backend.start()
        await backend.unload_model("gpt-oss-20b")
        assert backend.status().state is BackendState.STOPPED


async def test_an_unknown_model_is_told_with_the_known_ones(make: Make) -> None:
    async with serving(LmStudio(context=4096)) as fake:
        backend = make(kind="lmstudio", url=fake.url, model="qwen")
        with pytest.raises(BackendError, match=r"no model 'qwen'\. It has: openai/gpt-oss-20b"):
            await backend.start()
        assert backend.status().state is BackendState.FAILED


async def test_another_server_on_its_port_is_recognised(make: Make) -> None:
    async with serving(openai({"id": "m"})) as fake:
        with pytest.raises(BackendError, match=f"use --backend openai:{fake.url}"):
            await make(kind="lmstudio", url=fake.url).start()


async def test_down_and_without_lms_it_says_what_to_do(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lmstudio, "lms_program", lambda: None)
    with pytest.raises(BackendError, match="open LM Studio and start its server"):
        await make(kind="lmstudio", url="http://127.0.0.1:9").start()


@pytest.mark.parametrize(
    ("exit_code", "words"), [(0, "nothing answers"), (1, r"failed \(exit 1\): no server")]
)
async def test_lms_is_asked_to_start_the_server(
    make: Make, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, exit_code: int, words: str
) -> None:
    lms = tmp_path / "lms"  # a FAKE of LM Studio's command line tool, one that does not help
    sh_program(lms, f'echo "$@" > "{tmp_path}/asked"; echo no server; exit {exit_code}')
    monkeypatch.setattr(lmstudio, "lms_program", lambda: str(lms))
    with pytest.raises(BackendError, match=words):
        await make(kind="lmstudio", url="http://127.0.0.1:9").start()
    assert (tmp_path / "asked").read_text() == "server start -p 9 --bind 127.0.0.1\n"
