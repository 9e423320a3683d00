"""Settings files that came with somebody's code: what counts without a question, and what not.

No file of a project may name a program, a host or a variable before the user has trusted it;
the commands that read it start nothing of it and send nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyclaude_tui import config
from anyclaude_tui.config import project, trust
from anyclaude_tui.config.editing import save
from anyclaude_tui.config.legacy import FILE_NAME as LEGACY
from anyclaude_tui.config.loading import Loaded
from anyclaude_tui.config.project import FILE_NAME
from anyclaude_tui.config.settings import Settings
from tests.config.fuzz_projects import project_text
from tests.e2e.claude import clean_environment

USERS = """\
backend = "mine"

[backends.mine]
kind = "simulator"

[backends.other]
kind = "openai"
url = "http://127.0.0.1:9/v1"
api_key = "env:MY_KEY"

[limits]
queue_s = 100
"""


class Place:
    """A user's home, and a folder with somebody's code."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.ours = self.home / ".anyclaude"
        self.folder = root / "code"
        self.folder.mkdir(parents=True)
        self.ours.mkdir(parents=True, mode=0o700)
        (self.ours / "config.toml").write_text(USERS)
        self.env = {"HOME": str(self.home), "ANYCLAUDE_HOME": str(self.ours)}

    def has(self, text: str, name: str = FILE_NAME) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def read(self) -> Loaded:
        return config.read(self.env, self.folder)

    def trust(self) -> None:
        for file in self.read().project:
            trust.trust(self.ours, file.path, file.content)

    def run(
        self, *args: str, answer: str | None = None, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """`anyclaude-tui args` in the folder."""
        return subprocess.run(
            [sys.executable, "-P", "-m", "anyclaude_tui", *args],
            cwd=self.folder,
            env=clean_environment(self.home) | env,
            input=answer,
            stdin=subprocess.DEVNULL if answer is None else None,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# --- what needs no question -------------------------------------------------------------------


def test_a_project_chooses_among_the_users_own_backends_and_the_looks(place: Place) -> None:
    place.has(
        'backend = "other"\n[roles]\nbackground = "mine"\n'
        '[dashboard]\ntheme = "x"\ncolours = false\nmotion = false\n[limits]\nqueue_s = 50\n'
    )
    loaded = place.read()
    found = loaded.settings
    assert loaded.left_out == ()
    assert (found.backend, found.roles.background, found.limits.queue_s) == ("other", "mine", 50)
    assert (found.dashboard.theme, found.dashboard.colours) == ("x", False)
    assert loaded.sources == [str(place.ours / "config.toml"), str(place.folder / FILE_NAME)]


# --- twenty ways to name a program, a host or a variable ------------------------------------------

PROGRAM = "{program}"
HOST = "http://127.0.0.1:{port}"
WAYS: dict[str, tuple[str, int, str]] = {
    "command": ('[claude]\ncommand = "{program}"', 2, "claude.command"),
    "arguments": ('[claude]\nargs = ["--mcp-config", "{program}"]', 2, "claude.args"),
    "variable": ('[claude]\n[claude.env]\nNODE_OPTIONS = "x"', 3, "claude.env.NODE_OPTIONS"),
    "dotted": ('claude.command = "{program}"', 1, "claude.command"),
    "inline": ('claude = {{ command = "{program}" }}', 1, "claude.command"),
    "quoted": ('["claude"]\n"command" = "{program}"', 2, "claude.command"),
    "launcher": ('[backends.b]\nkind = "mlx_lm"\nmodel = "m"\nlauncher = ["{program}"]', 4,
                 "backends.b.launcher"),
    "python": ('[backends.mine]\nkind = "mlx_lm"\nmodel = "m"\npython = "{program}"', 4,
               "backends.mine.python"),
    "server's arguments": ('[backends.mine]\nkind = "simulator"\nargs = ["--log-file", "x"]', 3,
                           "backends.mine.args"),
    "server's variable": ('[backends.mine]\nkind = "simulator"\n[backends.mine.env]\nPATH = "."',
                          4, "backends.mine.env.PATH"),
    "url": ('[backends.other]\nkind = "openai"\nurl = "{host}"', 3, "backends.other.url"),
    "url of a new one": ('backend = "b"\n[backends.b]\nkind = "openai"\nurl = "{host}"', 4,
                         "backends.b.url"),
    "messages": ('[backends.b]\nkind = "anthropic"\nurl = "{host}"\napi_key = "env:MY_KEY"', 4,
                 "backends.b.api_key"),
    "key": ('[backends.other]\nkind = "openai"\napi_key = "env:AWS_SECRET_ACCESS_KEY"', 3,
            "backends.other.api_key"),
    "spec": ('backend = "openai:{host}"', 1, "backend"),
    "model": ('backend = "mlx_lm:{program}"', 1, "backend"),
    "role": ('[roles]\nsubagent = "openai:{host}"', 2, "roles.subagent"),
    "service": ('backend = "openrouter"', 1, "backend"),
    "ports": ("[discovery]\nports = [{port}]", 2, "discovery.ports"),
    "folders": ('[discovery]\nmodel_folders = ["{program}"]', 2, "discovery.model_folders"),
    "logs": ("[logs]\nmax_days = 1\nmax_mb = 1", 2, "logs.max_days"),
    "token": ('[proxy]\ntoken = "known"', 2, "proxy.token"),
    "port": ("[proxy]\nport = {port}", 2, "proxy.port"),
    "leader": ('[dashboard]\nleader = "ctrl+o"', 2, "dashboard.leader"),
    "larger limit": ("[limits]\nqueue_s = 101", 2, "limits.queue_s"),
    "kept": ("keep_backends = true", 1, "keep_backends"),
}  # fmt: skip


@pytest.fixture
def asked() -> Iterator[tuple[int, list[str]]]:
    """A server of somebody's: its port, and what it was asked."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(f"{self.command} {self.path} {self.headers.get('authorization')}")
            self.send_response(404)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port, seen
    server.shutdown()
    server.server_close()
    thread.join()


def program_of(place: Place) -> Path:
    """A program of the folder's that says when it is run, beside it."""
    path = place.folder / "program"
    path.write_text(f"#!/bin/sh\ntouch '{place.root}/ran'\nexit 1\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("way", WAYS)
def test_it_is_left_out_with_file_line_and_key(way: str, place: Place) -> None:
    text, line, key = WAYS[way]
    path = place.has(text.format(program="/p", host=HOST.format(port=9), port=9))
    loaded = place.read()
    assert loaded.settings == config.load(place.env, place.home)
    (left,) = loaded.left_out
    assert str(path) in str(left)
    assert f"{key} (line {line})" in str(left)
    place.trust()
    assert place.read().left_out == ()
    assert place.read().settings != loaded.settings


@pytest.mark.parametrize("command", [("doctor", "--json"), ("config", "check"), ("config", "show")])
def test_nothing_of_it_is_run_and_nothing_is_sent(
    command: tuple[str, ...], place: Place, asked: tuple[int, list[str]]
) -> None:
    """All ways at once, in the commands that look at every backend."""
    port, seen = asked
    program, host = program_of(place), HOST.format(port=port)
    place.has(
        f'backend = "b"\n[claude]\ncommand = "{program}"\n'
        f'[backends.b]\nkind = "openai"\nurl = "{host}"\napi_key = "env:MY_KEY"\n'
        f'[backends.mine]\nkind = "mlx_lm"\nmodel = "m"\npython = "{program}"\n'
        f'launcher = ["{program}"]\n[backends.other]\nkind = "openai"\nurl = "{host}"\n'
        f"[discovery]\nports = [{port}]\n"
    )
    done = place.run(*command, MY_KEY="the user's")
    assert not (place.root / "ran").exists()
    assert seen == []
    said = done.stdout + done.stderr
    assert "claude.command (line 3)" in said
    assert str(program) not in done.stdout.replace("config trust", "")


def test_serve_and_run_start_nothing_of_it_and_say_so(place: Place) -> None:
    program = program_of(place)
    place.has(f'[claude]\ncommand = "{program}"\n')
    done = place.run("run", PATH=str(place.root))
    assert done.returncode == 1
    assert "Claude Code is not installed" in done.stderr
    assert f"{FILE_NAME} is not trusted" in done.stderr
    assert not (place.root / "ran").exists()


def test_the_predecessors_file_of_a_project_is_a_projects_file(place: Place) -> None:
    (place.ours / "config.toml").unlink()
    text = '{\n "backend": "x",\n "backends": {\n  "x": {"baseUrl": "http://127.0.0.1:9"}}}'
    path = place.has(text, LEGACY)
    loaded = place.read()
    assert loaded.settings == Settings()
    assert "backends.x.url (line 4)" in str(loaded.left_out[0])
    save(place.ours, {("keep_backends",): True}, place.env)
    assert (place.ours / "config.toml").read_text() == "keep_backends = true\n"
    done = place.run("config", "import")
    assert done.returncode == 2
    assert f"no {LEGACY} in your home" in done.stderr
    assert path.read_text() == text


def test_started_at_home_the_predecessors_file_is_the_users(place: Place) -> None:
    (place.ours / "config.toml").unlink()
    (place.home / LEGACY).write_text('{"backend": "local"}')
    loaded = config.read(place.env, place.home)
    assert (loaded.settings.backend, loaded.project) == ("local", ())


# --- trust --------------------------------------------------------------------------------------


def test_trust_is_for_a_path_and_a_content(place: Place) -> None:
    path = place.has('[claude]\ncommand = "/p"\n')
    place.trust()
    assert place.read().settings.claude.command == "/p"
    path.write_text('[claude]\ncommand = "/q"\n')
    assert place.read().settings.claude.command is None
    path.write_text('[claude]\ncommand = "/p"\n')
    assert place.read().settings.claude.command == "/p"
    elsewhere = place.root / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / FILE_NAME).write_bytes(path.read_bytes())
    assert config.load(place.env, elsewhere).claude.command is None
    linked = place.root / "linked"
    linked.symlink_to(place.folder)
    assert config.load(place.env, linked).claude.command == "/p"
    assert trust.forget(place.ours, path)
    assert place.read().settings.claude.command is None
    assert (place.ours / "state" / "trusted.json").stat().st_mode & 0o777 == 0o600


def test_config_trust_shows_everything_and_is_asked_again_after_a_change(place: Place) -> None:
    place.has('[claude]\ncommand = "/p\\u001b[2J"\n[backends.x]\nkind="openai"\napi_key="k-1234"\n')
    done = place.run("config", "trust")
    assert done.returncode == 1
    assert "--yes" in done.stderr
    assert 'claude.command = "/p' in done.stdout
    assert "\x1b" not in done.stdout
    assert "k-1234" not in done.stdout
    place.has('[backends.x]\nkind="openai"\napi_key="env:MY_KEY"\n')
    assert 'backends.x.api_key = "env:MY_KEY"' in place.run("config", "trust").stdout
    place.has('[claude]\ncommand = "/p"\n')
    assert "is not trusted" in place.run("config", "check").stderr
    assert place.run("config", "trust", "--yes").returncode == 0
    assert place.read().left_out == ()
    assert "is trusted" in place.run("config", "trust").stdout
    place.has('[claude]\ncommand = "/other"\n')
    assert "/other" in place.run("config", "trust").stdout
    assert "not trusted any more" in place.run("config", "untrust").stdout


def test_doctor_and_config_check_name_every_layer_in_force(place: Place) -> None:
    path = place.has('[dashboard]\ntheme = "x"\n')
    for command in (("doctor", "--json"), ("config", "check")):
        said = place.run(*command, ANYCLAUDE_DEBUG="1").stdout
        for layer in (str(place.ours / "config.toml"), str(path), "the environment"):
            assert layer in said


# --- keys and URLs --------------------------------------------------------------------------------


def test_a_key_belongs_to_the_layer_that_has_its_url(place: Place) -> None:
    place.has('[backends.other]\nkind = "openai"\nurl = "http://127.0.0.1:8/v1"\n')
    place.trust()
    other = place.read().settings.backends["other"]
    assert (other.url, other.api_key) == ("http://127.0.0.1:8/v1", None)
    place.has('[backends.other]\nkind = "openai"\nmodel = "m"\n')
    place.trust()
    other = place.read().settings.backends["other"]
    assert (other.model, other.api_key) == ("m", "env:MY_KEY")


# --- odd files ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"backend =", "not valid TOML"),
        (b"\xff", "not UTF-8"),
        (b"[proxy]\nprot = 1", f"{FILE_NAME}:2: proxy.prot: no such setting"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, FILE_NAME),
        (b"[limits]\nretries = " + b"9" * 5000, FILE_NAME),
        (b"#" * (project.BYTES_MOST + 1), "larger than 256 KiB"),
        (b"[limits]\nqueue_s = nan", "limits.queue_s"),
    ],
    ids=("toml", "utf-8", "key", "deep", "digits", "large", "nan"),
)
def test_a_file_that_is_wrong_is_left_out_whole(content: bytes, words: str, place: Place) -> None:
    (place.folder / FILE_NAME).write_bytes(content)
    loaded = place.read()
    assert loaded.settings == config.load(place.env, place.home)
    (left,) = loaded.left_out
    assert words in str(left)
    assert len(str(left)) < 1000


def test_what_is_no_file_is_not_waited_for(place: Place) -> None:
    os.mkfifo(place.folder / FILE_NAME)
    assert "not a plain file" in str(place.read().left_out[0])
    (place.folder / FILE_NAME).unlink()
    (place.folder / FILE_NAME).symlink_to("/dev/zero")
    assert "not a plain file" in str(place.read().left_out[0])
    (place.folder / FILE_NAME).unlink()
    (place.folder / FILE_NAME).mkdir()
    assert "not a plain file" in str(place.read().left_out[0])


@given(st.randoms(use_true_random=False))
def test_no_file_sets_more_than_it_may(dice: object) -> None:
    import random
    import tempfile

    assert isinstance(dice, random.Random)
    with tempfile.TemporaryDirectory() as root:
        place = Place(Path(root))
        (place.folder / FILE_NAME).write_bytes(project_text(dice))
        check_harmless(place.read(), config.load(place.env, place.home))


def check_harmless(loaded: Loaded, own: Settings) -> None:
    """What an untrusted file may have changed, and no more."""
    found = loaded.settings
    for name in Settings.__struct_fields__:
        if name not in ("backend", "roles", "dashboard", "limits"):
            assert getattr(found, name) == getattr(own, name)
    assert found.backend in own.backends
    for role in (found.roles.background, found.roles.subagent):
        assert role is None or role in own.backends
    assert found.dashboard.leader == own.dashboard.leader
    for name in own.limits.__struct_fields__:
        assert getattr(found.limits, name) <= getattr(own.limits, name)
    for left in loaded.left_out:
        assert str(left).isprintable()
    json.dumps([list(left.keys) for left in loaded.left_out])
