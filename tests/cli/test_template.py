"""`anyclaude-tui template`: the profile of a template, a model's folder, a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from anyclaude_tui.cli.main import main
from tests.backends.templates import small
from tests.support.assets import TINY_MODEL


def test_a_template_and_what_follows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "chat_template.jinja"
    path.write_text(small.ONE_CALL)
    assert main(["template", str(path)]) == 0
    said = capsys.readouterr().out
    assert "refused: only single tool-calls at once!" in said
    assert "calls serial" in said


def test_a_model_s_folder_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template", str(TINY_MODEL), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["source"], found["tools_shown"], found["dialect"]) == ("rendered", True, {})


def test_nothing_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["template", str(tmp_path / "none")]) == 1
    assert "no model at" in capsys.readouterr().err
    assert main(["template", "http://127.0.0.1:9"]) == 1
    assert "nothing answers at" in capsys.readouterr().err
