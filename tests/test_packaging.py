"""What is handed out works elsewhere: the wheel in an empty environment, in an odd folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyclaude_tui import __version__
from tests.e2e.terminal import PtyTerminal

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "anyclaude_tui"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    _run(sys.executable, "-m", "hatchling", "build", "-d", str(folder), cwd=ROOT)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The `anyclaude-tui` of an environment that has the wheel, in a folder that is no easy one.

    What it depends on comes from this environment: nothing is downloaded.
    """
    folder = tmp_path_factory.mktemp("Prüfung mit 空白")
    environment = folder / "env"
    _run(sys.executable, "-m", "venv", "--without-pip", str(environment))
    python = environment / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet")
    _run(*pip, "--no-deps", "--no-index", "--disable-pip-version-check", str(wheel))
    ours = sysconfig.get_path("purelib")
    (site,) = environment.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(f"{ours}\n", encoding="utf-8")
    yield environment / "bin" / "anyclaude-tui"
    shutil.rmtree(environment)


def _run(
    *command: str, cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command, cwd=cwd, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def _clean(home: Path, **more: str) -> dict[str, str]:
    """The environment of somebody new."""
    return {"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **more}


def package_files() -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_every_file_of_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    assert package_files() <= names
    others = {name for name in names if not name.startswith("anyclaude_tui/")}
    assert all(".dist-info/" in name for name in others)


def test_the_version_is_in_one_place(wheel: Path) -> None:
    assert f"-{__version__}-" in wheel.name
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"{__version__}"' not in text
    assert f"## {__version__} " in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_sdist_makes_the_same_wheel(built: Path, wheel: Path, tmp_path: Path) -> None:
    (source,) = built.glob("*.tar.gz")
    with tarfile.open(source) as opened:
        opened.extractall(tmp_path, filter="data")
    (tree,) = tmp_path.iterdir()
    for name in ("tests/test_packaging.py", "docs/configuration.md", "Makefile", "CHANGELOG.md"):
        assert (tree / name).is_file()
    assert not list(tree.rglob("node_modules"))
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path), cwd=tree)
    (again,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(again) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())


def test_the_command_runs_from_another_folder(installed: Path, tmp_path: Path) -> None:
    done = _run(str(installed), "--version", cwd=tmp_path, env=_clean(tmp_path))
    assert f"anyclaude-tui {__version__}" in done.stdout
    assert "textual" in done.stdout
    python = installed.with_name("python")
    code = "import anyclaude_tui; print(anyclaude_tui.__file__)"
    where = _run(str(python), "-c", code, cwd=tmp_path, env=_clean(tmp_path)).stdout
    assert Path(where.strip()).is_relative_to(installed.parents[1])


async def test_the_dashboard_is_drawn(installed: Path, tmp_path: Path) -> None:
    """With its style sheets, in an empty HOME and a folder with blanks in its name."""
    folder = tmp_path / "my project ü"
    folder.mkdir()
    env = _clean(tmp_path, TERM="xterm-256color", COLORTERM="truecolor")
    command = [str(installed), "--backend", "simulator"]
    async with PtyTerminal(command, cwd=folder, env=env) as terminal:
        await terminal.wait_for("● ready")
        screen = await terminal.wait_for("Claude Code is not installed")
        assert "Ctrl+] then" in screen
        await terminal.press("C-]")
        await terminal.wait_for("restart backend")
        await terminal.type_text(",")
        await terminal.wait_for("keepalive_s")
        await terminal.press("Escape")
        await terminal.wait_for("Ctrl+] then")
        await terminal.press("C-]")
        await terminal.wait_for("restart backend")
        await terminal.type_text("q")
        assert await terminal.wait_ended() == 0
    assert (tmp_path / ".anyclaude").stat().st_mode & 0o777 == 0o700


def test_serve_needs_no_network(installed: Path, tmp_path: Path) -> None:
    """An HTTP proxy that is not there stands for a network that is not there."""
    dead = "http://127.0.0.1:9"
    env = _clean(tmp_path, HTTP_PROXY=dead, HTTPS_PROXY=dead, ALL_PROXY=dead)
    with subprocess.Popen(
        [str(installed), "serve", "--backend", "simulator"],
        env=env, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert ready["backend"] == "simulator"
    assert process.returncode == 0


# --- machines that lack something: it works, or says what to do ------------------------------


def fails(command: list[str], home: Path, **env: str) -> str:
    """What a command that cannot work says; no traceback."""
    done = subprocess.run(
        [sys.executable, "-m", "anyclaude_tui", *command],
        env={**_clean(home), **env}, cwd=ROOT, capture_output=True, text=True,
        check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in its place stands for a read-only HOME: root may write everywhere else."""
    home = tmp_path / "home"
    home.write_text("")
    assert "ANYCLAUDE_HOME" in fails(["serve", "--backend", "simulator"], home)
    assert "ANYCLAUDE_HOME" in fails(["config", "import", str(_old(tmp_path))], home)


def _old(folder: Path) -> Path:
    path = folder / ".anyclauderc.json"
    path.write_text('{"backend": "local"}')
    return path


@pytest.mark.parametrize("term", ["dumb", ""])
async def test_a_terminal_that_cannot_be_drawn_on(tmp_path: Path, term: str) -> None:
    env = _clean(tmp_path, TERM=term)
    command = [sys.executable, "-m", "anyclaude_tui"]
    async with PtyTerminal(command, cwd=ROOT, env=env) as terminal:
        assert await terminal.wait_ended() == 2
        assert "anyclaude-tui run" in terminal.history()


def test_without_a_terminal(tmp_path: Path) -> None:
    assert "anyclaude-tui run" in fails([], tmp_path)


@pytest.mark.parametrize("locale", ["C", "POSIX"])
@pytest.mark.parametrize("utf8", ["0", "1"])
def test_a_locale_without_utf8(tmp_path: Path, locale: str, utf8: str) -> None:
    env = {
        **_clean(tmp_path), "LC_ALL": locale, "PYTHONUTF8": utf8, "PYTHONCOERCECLOCALE": "0"
    }  # fmt: skip
    (tmp_path / ".anyclaude").mkdir()
    (tmp_path / ".anyclaude" / "config.toml").write_text(
        '[backends."prüf"]\nkind = "simulator"\n', encoding="utf-8"
    )
    for command in (["--help"], ["config", "show"], ["config", "check"], ["doctor"]):
        _run(sys.executable, "-m", "anyclaude_tui", *command, env=env, cwd=ROOT)


def test_in_a_browser(tmp_path: Path) -> None:
    """textual-serve starts it with pipes and Textual's web driver: no terminal is asked for."""
    env = _clean(
        tmp_path,
        TEXTUAL_DRIVER="textual.drivers.web_driver:WebDriver",
        COLUMNS="100", ROWS="30", LINES="30", TERM="dumb",
    )  # fmt: skip
    with subprocess.Popen(
        [sys.executable, "-m", "anyclaude_tui", "--backend", "simulator"],
        env=env, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"__GANGLION__\n"
            seen = b""
            while b"Ctrl+]" not in seen:
                piece = os.read(process.stdout.fileno(), 65536)
                assert piece, process.stderr and process.stderr.read()
                seen += piece
        finally:
            process.terminate()
            process.communicate(timeout=30)
