"""The Python that would run a server, asked for a package."""

from __future__ import annotations

from pathlib import Path

import pytest

from anyclaude_tui.backends.supervision.python import has_package
from tests.support.programs import python_program

ASKED = """\
import os, pathlib, sys
(pathlib.Path(__file__).parent / "names").write_text(" ".join(os.environ))
sys.exit("'there'" not in sys.argv[-1])
"""


def test_it_is_asked_without_a_key_of_the_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "none")
    python = str(python_program(tmp_path / "python", ASKED))
    assert has_package(python, "there")
    assert not has_package(python, "not_there")
    names = (tmp_path / "names").read_text().split()
    assert "PATH" in names
    assert "HF_TOKEN" not in names
