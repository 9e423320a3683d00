"""`anyclaude-tui cache`: what is kept, and its end."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from anyclaude_tui.backends import prompt_cache
from anyclaude_tui.cli.main import main
from anyclaude_tui.session import fronts


def test_status_and_clear(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("ANYCLAUDE_HOME", str(tmp_path))
    assert main(["cache"]) == 0
    said = capsys.readouterr().out
    assert "off ([cache] disk = true turns it on)" in said
    assert "0 prompts, 0 B" in said
    assert "8 GiB, 7 days" in said

    kept = prompt_cache.folder(tmp_path, "mine") / "model" / "a.safetensors"
    other = prompt_cache.folder(tmp_path, "other") / "model" / "b.safetensors"
    for path in (kept, other):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x" * 2_000)
    front = tmp_path / fronts.FOLDER / "f.json"
    front.parent.mkdir(parents=True)
    front.write_text("{}")
    assert main(["cache", "status"]) == 0
    assert "2 prompts, 4.0 kB" in capsys.readouterr().out
    assert prompt_cache.usage(tmp_path, "mine").files == 1

    assert main(["cache", "clear"]) == 0
    assert "removed: 2 prompts, 4.0 kB; 1 beginning" in capsys.readouterr().out
    assert not kept.exists()
    assert not other.exists()
    assert not front.exists()
    assert main(["cache", "clear"]) == 0


def test_what_cannot_be_removed_is_said_in_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tmp_path.chmod(0o700)
    monkeypatch.setenv("ANYCLAUDE_HOME", str(tmp_path))
    kept = prompt_cache.folder(tmp_path, "mine") / "model" / "a.safetensors"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"x")

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(kept))

    monkeypatch.setattr(os, "unlink", refused)
    assert main(["cache", "clear"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "Read-only file system" in said
    assert f"make {kept} writable and do it again" in said
    assert "Errno" not in said
    assert kept.exists()
