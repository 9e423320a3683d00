"""Profiles on disk: found again, private, bounded, and never a reason to fail."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from anyclaude_tui.backends import http
from anyclaude_tui.backends.dialect import Dialect
from anyclaude_tui.backends.templates import probe, profile_store
from anyclaude_tui.backends.templates.probe import NoTemplateError, of_server, of_text
from anyclaude_tui.backends.templates.profile import Profile
from anyclaude_tui.backends.templates.sources import AskedSource
from tests.backends.fakes import serving
from tests.backends.templates import small
from tests.backends.templates.test_probe import Server

BASE = Dialect(enable_thinking=True, reasoning_history="reasoning_content")


@pytest.fixture(autouse=True)
def a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "_known", type(probe._known)())


async def test_a_second_start_asks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = await of_text(small.EFFORT, {}, BASE, home=tmp_path)
    probe._known.clear()
    monkeypatch.setattr(probe, "CHILD", "no.such.module")
    assert await of_text(small.EFFORT, {}, BASE, home=tmp_path) == first
    assert first.dialect["effort_switch"] == ("reasoning_effort", ("low", "medium", "xhigh"))
    probe._known.clear()
    for other in ({"template": small.EFFORT + " "}, {"tokens": {"bos_token": "b"}}):
        with pytest.raises(NoTemplateError):
            await of_text(**{"template": small.EFFORT, "tokens": {}, "base": BASE} | other)  # type: ignore[arg-type]


async def test_a_server_that_tells_its_template_is_asked_once(tmp_path: Path) -> None:
    async with serving(Server(small.NINE)) as fake, http.client(fake.url) as client:

        async def ask(stamp: str) -> Profile | None:
            probe._known.clear()
            source = AskedSource(client, "m", small.NINE)
            return await of_server(source, BASE, stamp=stamp, home=tmp_path)

        first = await ask(small.NINE + "b1")
        asked = len(fake.asked)
        assert first is not None
        assert await ask(small.NINE + "b1") == first
        assert len(fake.asked) == asked
        await ask(small.NINE + "b2")
        assert len(fake.asked) > asked


def test_the_files_are_private_and_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profile_store, "FILES_KEPT", 3)
    keys = [profile_store.key_of(str(number)) for number in range(5)]
    for age, key in enumerate(keys[:3]):
        profile_store.save(tmp_path, key, Profile("rendered", late_system="lost"))
        os.utime(profile_store.folder(tmp_path) / f"{key}.json", (age, age))
    assert profile_store.load(tmp_path, keys[0]) == Profile("rendered", late_system="lost")
    profile_store.save(tmp_path, keys[3], Profile("rendered"))
    left = {path.stem for path in profile_store.folder(tmp_path).iterdir()}
    assert left == {keys[0], keys[2], keys[3]}, "the least used one goes"
    for path in profile_store.folder(tmp_path).iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"source": 1}', "x" * (profile_store.FILE_BYTES + 1)]
)
def test_what_cannot_be_read_is_as_good_as_none(tmp_path: Path, text: str) -> None:
    profile_store.save(tmp_path, "k", Profile("rendered"))
    (profile_store.folder(tmp_path) / "k.json").write_text(text)
    assert profile_store.load(tmp_path, "k") is None


def test_a_folder_that_cannot_be_written_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    profile_store.save(tmp_path, "k", Profile("rendered"))
    assert profile_store.load(tmp_path, "k") is None
