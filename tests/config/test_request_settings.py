"""The settings of every request to a backend: read, refused with line and key, never shown."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
import tomlkit

from anyclaude_tui import config
from anyclaude_tui.backends.anthropic import AnthropicBackend
from anyclaude_tui.backends.base import BackendError
from anyclaude_tui.backends.openai import OpenAiBackend
from anyclaude_tui.cli import config as config_command
from anyclaude_tui.config import secrets
from anyclaude_tui.config.kinds import KINDS
from anyclaude_tui.config.reference import sections
from anyclaude_tui.config.request_settings import LIMITS, SAMPLING, RequestSettings
from anyclaude_tui.config.settings import BackendSettings, Limits, Settings, ToolSettings
from anyclaude_tui.redaction import HIDDEN, OWN

BOX = '[backends.box]\nkind = "openai"\nurl = "http://127.0.0.1:1/v1"\n'


def box(lines: str) -> BackendSettings:
    return config.parse(BOX + lines, "config.toml").backends["box"]


def mistake(text: str) -> str:
    """What is wrong with a file; empty where nothing is."""
    try:
        config.parse(text, "c")
    except config.ConfigError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    ("line", "key", "said"),
    [
        ("temperature = 3", "temperature", "at most 2"),
        ("top_p = 0", "top_p", "above 0"),
        ('thinking = "hard"', "thinking", "invalid enum value"),
        ('reasoning_history = "x"', "reasoning_history", "invalid enum value"),
        ("first_byte_s = 0", "first_byte_s", "above 0"),
        ("extra_body = { stream = false }", "extra_body.stream", "cannot be set here"),
        ("extra_body = { tools = [] }", "extra_body.tools", "cannot be set here"),
        ("extra_body = { a = { b = nan } }", "extra_body.a.b", "JSON has no such number"),
        ("extra_body = { a = [2031-03-01] }", "extra_body.a", "JSON has no dates"),
        ('headers = { Host = "x" }', "headers.Host", "how the request is sent"),
        ('headers = { "a b" = "x" }', "headers.a b", "not a name that a header can have"),
        ('headers = { A = "x", a = "y" }', "headers.a", "twice"),
        ('headers = { A = "é" }', "headers.A", "visible ASCII"),
        ('headers = { A = "env:" }', "headers.A", "name of the variable"),
        ("temprature = 1", "temprature", "did you mean 'temperature'"),
    ],
)
def test_a_mistake_is_named_with_line_and_key(line: str, key: str, said: str) -> None:
    with pytest.raises(config.ConfigError) as caught:
        box(line)
    assert str(caught.value).startswith(f"config.toml:4: backends.box.{key}: ")
    assert said in str(caught.value)


def test_a_member_in_a_table_of_its_own_is_named_by_its_line() -> None:
    with pytest.raises(config.ConfigError, match=r":7: backends\.box\.extra_body\.model: "):
        box("\n[backends.box.extra_body]\ntop_a = 0.2\nmodel = 'other'\n")


def test_a_kind_refuses_what_it_can_do_nothing_with_and_says_which() -> None:
    values = {"seed": "1", "images": "true", "reasoning_history": '"drop"', "headers": "{a='b'}"}
    needs = {"mlx_lm": "model = '/m'", "vllm_mlx": "model = '/m'", "openai": "url = 'http://h'"}
    refused: dict[str, set[str]] = {}
    for kind in ("simulator", "mlx_lm", "vllm_mlx", "lmstudio", "openai", "anthropic"):
        for key in (*SAMPLING, *values):
            text = f"[backends.a]\nkind = '{kind}'\n{needs.get(kind, '')}\n{key} = "
            said = mistake(text + values.get(key, "1"))
            if said:
                assert f"c:4: backends.a.{key}: {KINDS[kind].title} knows no such" in said
                refused.setdefault(kind, set()).add(key)
    assert refused == {
        "simulator": {*SAMPLING, "images", "reasoning_history", "headers"},
        "mlx_lm": {"images", "headers"},
        "vllm_mlx": {"seed", "headers"},
        "lmstudio": {"min_p"},
        "anthropic": {
            *("min_p", "repetition_penalty", "presence_penalty", "seed"),
            *("reasoning_history", "images"),
        },
    }


def test_every_key_has_its_place_its_words_and_its_bounds() -> None:
    (section,) = (one for one in sections() if one.name == "backends.NAME")
    fields = {field.key: field for field in section.fields}
    assert set(fields) == set(BackendSettings.__struct_fields__)
    assert all(field.words for field in section.fields)
    assert section.fields[0].key == "kind"
    assert (fields["temperature"].least, fields["temperature"].most) == (0, 2)
    assert fields["thinking"].choices == ("auto", "on", "off", "low", "medium", "high")
    assert fields["extra_body"].kind == "object"
    assert {*LIMITS} <= set(Limits.__struct_fields__)
    assert {*ToolSettings.__struct_fields__} <= set(RequestSettings.__struct_fields__)


def test_tools_count_where_a_backend_says_nothing_itself() -> None:
    tools = ToolSettings(leave_out=("Bash",), shorten_descriptions=True)
    assert box("").wanted(tools).leave_out == ("Bash",)
    assert box("").wanted(tools).shorten_descriptions
    own = box("leave_out = []\nshorten_descriptions = false\n").wanted(tools)
    assert own.leave_out == ()
    assert not own.shorten_descriptions


def test_limits_of_a_backend_take_the_place_of_the_others() -> None:
    limits = Limits(first_byte_s=900, retries=1)
    assert limits.of(box("first_byte_s = 20\nconnect_s = 1\n").wanted(ToolSettings())) == Limits(
        first_byte_s=20, connect_s=1, retries=1
    )
    assert limits.of(RequestSettings()) is limits


# --- headers --------------------------------------------------------------------------------------

SECRET = "value-of-a-header-that-nobody-sees"
HEADED = box(f'api_key = "sk-1"\nheaders = {{ X-Team = "{SECRET}", Authorization = "env:MINE" }}')


def test_headers_take_the_place_of_ours_whatever_their_case(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("MINE", "Token abc")
    backend = OpenAiBackend("box", HEADED, tmp_path)
    assert backend.headers() == {"authorization": "Token abc", "x-team": SECRET}
    native = BackendSettings(kind="anthropic", api_key="k", headers={"Anthropic-Beta": "b"})
    headers = AnthropicBackend("a", native, tmp_path).headers()
    assert headers == {"anthropic-version": "2023-06-01", "x-api-key": "k", "anthropic-beta": "b"}


def test_a_variable_that_is_not_set_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("MINE", raising=False)
    with pytest.raises(BackendError, match=r"headers\.Authorization is env:MINE, but \$MINE is"):
        OpenAiBackend("box", HEADED, tmp_path).headers()


def test_no_value_of_a_header_leaves(tmp_path: Path) -> None:
    settings = Settings(backends={"box": HEADED})
    try:
        secrets.remember(settings, {"MINE": "Bearer value-from-the-environment"})
        assert OWN.clean(SECRET.encode()) == b"[redacted]"
        assert b"value-from" not in OWN.clean(b"got value-from-the-environment here")
    finally:
        OWN.forget()
    shown = tomlkit.dumps(config_command._shown(msgspec.to_builtins(settings)))
    assert SECRET not in shown
    assert f'X-Team = "{HIDDEN}"' in shown
    assert 'Authorization = "env:MINE"' in shown or f'Authorization = "{HIDDEN}"' in shown


def test_an_untrusted_project_sets_neither_headers_nor_members_nor_tools(tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "project"
    (home / ".anyclaude").mkdir(parents=True)
    folder.mkdir()
    (home / ".anyclaude" / "config.toml").write_text('backend = "box"\n' + BOX)
    (folder / ".anyclaude.toml").write_text(
        '[tools]\nleave_out = ["Bash"]\n[backends.box]\nkind = "openai"\n'
        'headers = { X-A = "b" }\nextra_body = { a = 1 }\ntemperature = 0.1\nfirst_byte_s = 1\n'
    )
    env = {"HOME": str(home), "ANYCLAUDE_HOME": str(home / ".anyclaude")}
    loaded = config.read(env, folder)
    assert loaded.settings.backends["box"] == box("")
    assert loaded.settings.tools == ToolSettings()
    (left,) = loaded.left_out
    assert {".".join(key) for key in left.keys} == {
        *("tools.leave_out", "backends.box.kind", "backends.box.headers.X-A"),
        *("backends.box.extra_body.a", "backends.box.temperature", "backends.box.first_byte_s"),
    }
    wishes = {".".join(key): words for key, words in left.file.wishes()}
    assert wishes["backends.box.headers.X-A"] == HIDDEN
    assert wishes["backends.box.extra_body.a"] == "1"


def test_headers_only_go_to_the_url_that_their_own_file_names(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        '[backends.local]\nkind = "openai"\nurl = "http://127.0.0.1:1/v1"\n'
        'headers = { X-A = "b" }\ntemperature = 0.5\n'
    )
    env = {"HOME": str(tmp_path), "ANYCLAUDE_HOME": str(tmp_path)}
    assert config.load(env, tmp_path).backends["local"].headers == {"X-A": "b"}
    elsewhere = config.load(env | {"LOCAL_URL": "http://127.0.0.1:2/v1"}, tmp_path)
    assert elsewhere.backends["local"].headers == {}
    assert elsewhere.backends["local"].temperature == 0.5


def test_what_is_set_in_words() -> None:
    wanted = box('temperature = 0.25\nimages = false\nextra_body = { a = 1 }\nthinking = "low"')
    words = list(wanted.wanted(ToolSettings(leave_out=("Bash",))).in_words())
    assert words == [
        *("temperature 0.25", "thinking low", "images no", "extra_body a", "leave_out Bash"),
    ]
    assert not list(box("").wanted(ToolSettings()).in_words())
    assert re.fullmatch(r"[a-z_ 0-9.]+", words[0])
