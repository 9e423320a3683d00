"""A kind of backend is one file and one row: a made-up one goes everywhere a real one goes."""

from __future__ import annotations

import ast
import asyncio
import json
import sys
from pathlib import Path

import aiohttp
import pytest

import anyclaude_tui
from anyclaude_tui.backends.base import Backend, BackendError, BackendState, BackendStatus
from anyclaude_tui.backends.discovery import Discovery, Offer
from anyclaude_tui.backends.installed import engine_for, find_tools
from anyclaude_tui.backends.registry import class_of, create
from anyclaude_tui.cli import completions
from anyclaude_tui.cli.main import full_parser
from anyclaude_tui.compare.diagnosis.remedies import _BY_KIND
from anyclaude_tui.config.kinds import KINDS, ModelChoice
from anyclaude_tui.config.loading import parse
from anyclaude_tui.config.mistakes import ConfigError
from anyclaude_tui.config.naming import resolve
from anyclaude_tui.config.reference import sections
from anyclaude_tui.config.settings import BackendSettings, Settings
from anyclaude_tui.screens.backends import rows as backend_rows
from anyclaude_tui.screens.backends.keys import useful
from anyclaude_tui.screens.compare import setup as compare_setup
from anyclaude_tui.session.session import Session
from tests.e2e.claude import clean_environment
from tests.e2e.terminal import end_group
from tests.screens import fakes
from tests.support import made_up_backend
from tests.support.made_up_backend import ROW
from tests.support.proxy import ask_body

PROGRAM = [sys.executable, "-m", made_up_backend.__name__]
"""anyclaude-tui with the made-up kind."""
ROOT = Path(anyclaude_tui.__file__).parents[1]
MODEL = "made_up:/models/none"


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(KINDS, ROW.name, ROW)
    return ROW.name


async def run(home: Path, *args: str) -> tuple[int, str, str]:
    """The program with the made-up kind, to its end: exit code, stdout, stderr."""
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *args,
        cwd=home,
        env=clean_environment(home) | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), 120)
    finally:
        await end_group(process)
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


# --- the made-up kind -------------------------------------------------------------------------


async def test_a_made_up_kind_serves(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *PROGRAM,
        *("serve", "--backend", MODEL),
        cwd=tmp_path,
        env=clean_environment(tmp_path) | {"PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(90):
            ready = json.loads(await process.stdout.readline())
        assert (ready["backend"], ready["model"]) == (MODEL, "/models/none")
        headers = {"Authorization": f"Bearer {ready['token']}"}
        async with (
            aiohttp.ClientSession(ready["url"], headers=headers) as client,
            client.post("/v1/messages", json=ask_body()) as response,
        ):
            assert b"message_stop" in await response.read()
    finally:
        process.terminate()
        code = await asyncio.wait_for(process.wait(), 30)
        await end_group(process)
    assert code == 0


async def test_the_doctor_knows_a_made_up_kind(tmp_path: Path) -> None:
    code, out, err = await run(tmp_path, "doctor", "--json", "--backend", MODEL)
    assert code == 0, err
    checks = json.loads(out)["checks"]
    (its,) = [one for one in checks if one["name"] == MODEL]
    assert its["level"] == "ok"
    (servers,) = [one for one in checks if one["name"] == "model servers"]
    assert "Made-up server" in servers["detail"]


async def test_a_made_up_kind_is_compared(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    work = ("--prompt", "hi", "--runs", "1", "--max-tokens", "8", "--json", str(report))
    code, _, err = await run(tmp_path, "compare", MODEL, "simulator", *work)
    assert code == 0, err
    targets = {one["name"]: one for one in json.loads(report.read_text())["comparison"]["targets"]}
    assert targets[MODEL]["kind"] == ROW.name
    assert targets[MODEL]["supervised"] is True
    assert targets[MODEL]["simulated"] is False


def test_the_list_of_backends_knows_a_made_up_kind(made_up: str) -> None:
    stopped = BackendStatus("mine", made_up, BackendState.STOPPED, model="m")
    snapshot = fakes.snapshot(history=(), backends=(stopped, fakes.FAST))
    offer = Offer("made_up:/models/x", "x", "1.07 GB", running=False, size_bytes=2**30)
    rows = backend_rows.rows(snapshot, Discovery((offer,), ()))
    assert [row.spec for row in rows][:1] == ["mine"]
    (on_disk,) = [row for row in rows if row.group == backend_rows.DISK]
    assert on_disk.kind == made_up
    assert ("m", "models") in useful(rows[0], changing=False)
    _, lines = backend_rows.details(on_disk, snapshot, None, 80, 8)
    words = "".join(text for line in lines for text, _ in line)
    assert "Enter starts made_up with it" in words
    chosen = compare_setup.Setup(targets=("made_up:/models/x",))
    effects = compare_setup.effects(chosen, rows, 200, 20)
    assert any("stopped afterwards: x" in "".join(t for t, _ in line) for line in effects)


def test_a_model_in_the_format_of_a_made_up_kind_is_started_with_it(made_up: str) -> None:
    tools = find_tools()
    assert "Made-up server" in [tool.title for tool in tools]
    assert engine_for("made-up", tools) == (made_up, None)
    assert engine_for("of nobody", tools) == ("", None)


def test_words_on_the_command_line_know_a_made_up_kind(made_up: str) -> None:
    assert "made_up:MODEL" in full_parser().format_help().replace("\n", "").replace("  ", "")
    assert made_up not in completions.asked("backends")  # it cannot do without its model
    with pytest.raises(ConfigError, match="made_up needs a model: --backend made_up:/path"):
        resolve("made_up", Settings())
    with pytest.raises(ConfigError, match="did you mean 'made_up'"):
        parse('[backends.x]\nkind = "made_upp"\n', "config.toml")


# --- the rows ---------------------------------------------------------------------------------


@pytest.mark.parametrize("row", KINDS.values(), ids=lambda row: row.name)
def test_a_row_is_true_of_its_class(row: object) -> None:
    assert isinstance(row, type(ROW))
    found = class_of(row)
    assert issubclass(found, Backend)
    assert (found.kind, found.simulated) == (row.name, row.simulated)
    assert row.started is any(base.__name__ == "SupervisedBackend" for base in found.__mro__)
    assert (row.model_format != "") is (row.choice is ModelChoice.STARTED)


def test_the_settings_name_every_kind() -> None:
    (of_backends,) = [one for one in sections() if one.name == "backends.NAME"]
    (kind,) = [one for one in of_backends.fields if one.key == "kind"]
    assert kind.words == f"One of {', '.join(KINDS)}."


def test_advice_is_for_kinds_that_there_are() -> None:
    assert {kind for _, kind in _BY_KIND} <= KINDS.keys()


def test_no_module_compares_the_name_of_a_kind() -> None:
    """But for who speaks of one kind: its own file, its row, and the predecessor's names."""
    apart = ("config/kinds.py", "config/legacy.py", "compare/diagnosis/remedies.py")
    package = Path(anyclaude_tui.__file__).parent
    found = []
    for path in package.rglob("*.py"):
        place = path.relative_to(package).as_posix()
        if place in apart or place.startswith("backends/"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Compare):
                names = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)]
                found += [f"{place}:{node.lineno}" for name in names if name in KINDS]
    assert found == []


# --- what a backend cannot do without -----------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (BackendSettings(kind="openai"), "openai needs a URL: set url, for example url ="),
        (BackendSettings(kind="openai", url="h:1/v1"), "openai needs a URL"),
        (BackendSettings(kind="lmstudio", url="h:1"), "lmstudio needs a URL"),
        (BackendSettings(kind="mlx_lm"), "mlx_lm needs a model: set model, for example model ="),
    ],
)
def test_what_a_backend_lacks_is_the_same_sentence_everywhere(
    settings: BackendSettings, words: str, tmp_path: Path
) -> None:
    mine = Settings(backends={"mine": settings}, backend="mine")
    with pytest.raises(ConfigError, match=words):
        resolve("mine", mine)
    with pytest.raises(ConfigError, match=words):
        Session(mine, home=tmp_path)
    with pytest.raises(BackendError, match=words):
        create("mine", settings, tmp_path)


async def test_a_first_backend_that_cannot_be_made_is_shown_with_its_reason(
    tmp_path: Path,
) -> None:
    """No statuses at all made the dashboard say "tuple index out of range"."""
    settings = Settings(backends={"mine": BackendSettings(kind="simulator", profile="none")})
    session = Session(settings, home=tmp_path, backend="mine", port=0)
    await session.start()
    try:
        with pytest.raises(BackendError, match="none"):
            await session.ready()
        (status,) = session.switchboard.statuses()
        assert (status.name, status.state) == ("mine", BackendState.FAILED)
        assert "none" in status.reason
        (shown,) = session.snapshot().backends
        assert (shown.kind, shown.state) == ("simulator", BackendState.FAILED)
    finally:
        await session.stop()
