"""Our files: for the user alone, and never where others may write or through their links."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path

import pytest

from anyclaude_tui import config, private
from anyclaude_tui.backends.supervision import pidfiles
from anyclaude_tui.backends.supervision.serverlog import ServerLog
from anyclaude_tui.claude_code import settings_files
from anyclaude_tui.cli.main import main
from anyclaude_tui.config import editing, trust
from anyclaude_tui.telemetry.files import append_line

OTHER = 12_345
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root gives files to another user")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_folders_and_files_are_the_users_alone_whatever_the_umask(tmp_path: Path) -> None:
    home = tmp_path / "a" / "b" / "home"
    private.write(home / "state" / "x.json", b"{}")
    append_line(home / "logs" / "x.jsonl", b"{}")
    for folder in (home.parent.parent, home.parent, home, home / "state", home / "logs"):
        assert mode(folder) == 0o700, folder
    assert mode(home / "state/x.json") == mode(home / "logs/x.jsonl") == 0o600
    assert [path.name for path in (home / "state").iterdir()] == ["x.json"]
    private.folder(home)
    with pytest.raises(OSError, match="exists"):
        private.folder(home / "state" / "x.json" / "y")


@pytest.mark.parametrize("which", ["", "config.toml", ".."])
def test_a_home_that_others_may_write_to_is_refused_with_words(
    which: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The folder, the file in it, the folder above it: `serve` does not even read it."""
    home = tmp_path / "above" / "home"
    private.write(home / "config.toml", b'[claude]\ncommand = "/no/such/program"\n')
    (home / which).chmod(0o777)
    monkeypatch.setenv("ANYCLAUDE_HOME", str(home))
    monkeypatch.setenv("HOME", str(tmp_path))
    for command in (["serve"], ["run"], ["config", "show"], ["config", "check"]):
        assert main(command) == 2
        words = capsys.readouterr().err
        assert f"{(home / which).resolve()} can be written to by others (mode 0777)" in words
        assert "chmod go-w" in words
        assert "/no/such/program" not in words
    with pytest.raises(config.ConfigError, match="by others"):
        editing.save(home, {("backend",): "simulator"}, {"HOME": str(tmp_path)})
    if which != "config.toml":
        with pytest.raises(PermissionError, match="by others"):
            trust.trust(home, tmp_path / ".anyclaude.toml", "x")
        assert not (home / "state" / "trusted.json").exists()


@AS_ROOT
@pytest.mark.parametrize("which", ["", "config.toml", ".."])
def test_a_home_of_another_user_is_refused_with_words(which: str, tmp_path: Path) -> None:
    home = tmp_path / "above" / "home"
    private.write(home / "config.toml", b"")
    os.chown(home / which, OTHER, OTHER)
    assert f"{(home / which).resolve()} belongs to user {OTHER}" in private.others_may_write(
        home / "config.toml"
    )


def test_a_sticky_folder_is_fine_above_ours_and_not_as_ours(tmp_path: Path) -> None:
    """As /tmp is: nobody can put another folder in the place of ours."""
    tmp_path.chmod(0o1777)
    private.folder(tmp_path / "home")
    with pytest.raises(PermissionError, match="can be written to by others"):
        private.folder(tmp_path)


def test_a_group_that_has_others_in_it_is_others(tmp_path: Path) -> None:
    private.folder(tmp_path / "home")
    (tmp_path / "home").chmod(0o770)
    alone = private._alone_in((tmp_path / "home").stat().st_gid)
    assert bool(private.others_may_write(tmp_path / "home")) is not alone
    assert not private._alone_in(OTHER)


def test_links_on_the_way_are_looked_at_with_what_they_lead_to(tmp_path: Path) -> None:
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    (open_to_all / "inner").mkdir(mode=0o700)
    open_to_all.chmod(0o777)
    (tmp_path / "home").symlink_to(open_to_all / "inner")
    assert str(open_to_all) in private.others_may_write(tmp_path / "home" / "config.toml")
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="symbolic links"):
        private.check(tmp_path / "one")


def linked(home: Path, name: str, target: Path) -> Path:
    private.folder((home / name).parent)
    (home / name).symlink_to(target)
    return home / name


def server_log(home: Path) -> None:
    log = ServerLog(home / "server-logs" / "x.log")
    log.feed(b"a line\n")
    log.close()


WRITERS: dict[str, Callable[[Path], object]] = {
    "logs/requests.jsonl": lambda home: append_line(home / "logs/requests.jsonl", b"{}"),
    "server-logs/x.log": server_log,
    "state/server-7.json": lambda home: pidfiles.write(home / "state", "x", 7, ()),
    "config.toml": lambda home: editing.save(home, {("backend",): "simulator"}, {"HOME": "/"}),
    "state/trusted.json": lambda home: trust.trust(home, home / "x", "x"),
    "state/calibration.json": lambda home: private.write(home / "state/calibration.json", b"{}"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_nothing_is_written_through_a_link_to_where_others_may_write(
    name: str, tmp_path: Path
) -> None:
    victim = tmp_path / "shared" / "victim"
    victim.parent.mkdir()
    victim.write_text("")
    victim.parent.chmod(0o1777)
    link = linked(tmp_path / "home", name, victim)
    with suppress(OSError, config.ConfigError):
        WRITERS[name](tmp_path / "home")
    assert victim.read_text() == ""
    assert [path.name for path in victim.parent.iterdir()] == ["victim"]
    assert link.is_symlink()


@pytest.mark.parametrize("name", ["logs/requests.jsonl", "server-logs/x.log"])
def test_nothing_is_appended_through_any_link(name: str, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("")
    linked(tmp_path / "home", name, tmp_path / "victim")
    with suppress(OSError):
        WRITERS[name](tmp_path / "home")
    assert (tmp_path / "victim").read_text() == ""


def test_a_pipe_in_the_place_of_a_log_does_not_stop_us(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log")
    with pytest.raises(OSError, match="not a plain file"):
        append_line(tmp_path / "log", b"{}")


def test_the_settings_with_the_token_are_cleared_once_their_session_is_gone(
    tmp_path: Path,
) -> None:
    """Left by a kill -9: the next start removes them, and leaves those of a session that lives."""
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude/settings.json").write_text('{"env": {"ANTHROPIC_AUTH_TOKEN": "other"}}')
    state = tmp_path / "state"
    code = (
        "import sys; from pathlib import Path\n"
        "from anyclaude_tui.claude_code import settings_files\n"
        f"place = Path({str(tmp_path)!r}); ours = {{'ANTHROPIC_AUTH_TOKEN': 'secret-token'}}\n"
        "settings_files.arguments(ours, {}, place, place / 'state')\n"
        "print('written', flush=True); sys.stdin.read()"
    )
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == b"written\n"
        (left,) = state.iterdir()
        assert "secret-token" in left.read_text()
        assert mode(left) == 0o600
        settings_files.clear_left_over(state)
        assert left.exists()
        session.kill()
    settings_files.clear_left_over(state)
    assert not left.exists()


def test_a_file_that_cannot_be_written_is_named_and_its_draft_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A full disk's error names no file, other errors name the draft: neither says what to mend."""

    def full(*_: object) -> None:
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    home = tmp_path / "home"
    monkeypatch.setenv("ANYCLAUDE_HOME", str(home))
    monkeypatch.setattr(os, "replace", full)
    assert main(["config", "init"]) == 1
    err = capsys.readouterr().err
    assert f"No space left on device: {home / 'config.toml'}. Free some space" in err
    assert list(home.iterdir()) == []
