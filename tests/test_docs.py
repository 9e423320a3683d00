"""What the documentation says is so: commands exist and run; keys, settings and links are right."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from anyclaude_tui import config
from anyclaude_tui.cli.main import _split, full_parser
from anyclaude_tui.config.naming import resolve
from anyclaude_tui.config.reference import sections
from anyclaude_tui.screens.actions import ACTIONS, DIGITS, chord_name, find
from tests.support import references
from tests.test_errors import exceptions, rows
from tools import config_docs, tables

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
HARMLESS = ("doctor", "config", "completions")
"""Commands that end by themselves and change nothing."""


def blocks(language: str) -> list[tuple[str, str]]:
    """Every fenced block of a language, with its page."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        pattern = rf"^```{language}\n(.*?)^```"
        found += [
            (page.name, one.group(1))
            for one in re.finditer(pattern, text, re.DOTALL | re.MULTILINE)
        ]
    return found


def command_lines(program: str) -> list[list[str]]:
    """The command lines of a program in all shell blocks, and in the text between them."""
    lines = [line for _, block in blocks("sh") for line in block.splitlines()]
    for page in PAGES:
        lines += re.findall(r"`([^`\n]+)`", page.read_text(encoding="utf-8"))
    found = []
    for line in lines:
        bare = line.partition(" > ")[0]
        bare = re.sub(r"^(\w+=\S+ +)+", "", bare.strip())
        if bare == program or bare.startswith(f"{program} "):
            found.append(shlex.split(bare, comments=True)[1:])
    return found


OURS = command_lines("anyclaude-tui")


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_every_command_is_understood(words: list[str]) -> None:
    own, claude = _split([word for word in words if word != "…"])
    options = full_parser().parse_args(["--external"] if own == ["--version"] else own)
    assert not claude or options.command in (None, "run")
    backend = getattr(options, "backend", None)
    if backend and backend != "NAME":
        resolve(backend, config.Settings())


def test_there_are_commands_to_test() -> None:
    said = {words[0] for words in OURS if words}
    assert {"doctor", "run", "serve", "compare", "requests", "config", "completions"} <= said


@pytest.mark.parametrize(
    "words",
    [words for words in OURS if words and words[0] in HARMLESS and "import" not in words],
    ids=" ".join,
)
def test_harmless_commands_run(tmp_path: Path, words: list[str]) -> None:
    words = ["simulator" if word == "NAME" else word for word in words]
    done = subprocess.run(
        [sys.executable, "-m", "anyclaude_tui", *words],
        env={"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.MULTILINE))
    said = {words[0] for words in command_lines("make") if words and "=" not in words[0]}
    assert {"run", "test", "docs", "screenshots"} <= said
    assert said <= targets


@pytest.mark.parametrize(("page", "text"), blocks("toml"))
def test_every_example_is_right(page: str, text: str) -> None:
    settings = config.parse(text, page)
    for name in (settings.backend, *settings.backends):
        resolve(name, settings)


def test_the_settings_page_is_current() -> None:
    assert config_docs.TARGET.read_text(encoding="utf-8") == config_docs.document(), "make docs"


def test_the_tables_of_the_readme_are_current() -> None:
    text = tables.TARGET.read_text(encoding="utf-8")
    assert text == tables.filled(text), "make docs"
    for action in ACTIONS:
        assert f"`{action.key}`" in text


def test_every_setting_is_explained_and_on_the_page() -> None:
    page = config_docs.document()
    for section in sections():
        assert section.words
        for field in section.fields:
            assert field.words, field.dotted
            assert f"| `{field.key}` |" in page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_key_exists(page: Path) -> None:
    leader = chord_name(config.DashboardSettings().leader)
    text = page.read_text(encoding="utf-8")
    for key in re.findall(rf"`{re.escape(leader)}` (?:then )?`([^`]+)`", text):
        assert find(key) or key in DIGITS, key


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    for link in links:
        if not link.startswith(("http://", "https://")):
            assert (page.parent / link).exists() or (page.parent / f"{link}.md").exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    """Names with a unit cannot be anything else."""
    known = {field.key for section in sections() for field in section.fields}
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`([a-z_]+_(?:s|bytes|mb|days))`", text):
        assert name in known or name in ("_s", "_bytes"), name


def test_the_forge_runs_what_people_run() -> None:
    """The workflow calls make and nothing else, on the Pythons that the package names."""
    workflow = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")
    targets = re.findall(
        r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    ran = re.findall(r"- run: (.+)", workflow)
    assert {"make check", "make test"} <= set(ran)
    assert all(words.split()[0] == "make" and words.split()[1] in targets for words in ran)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    assert re.findall(r"(?m)^ +python: \[(.+)\]$", workflow) == [
        ", ".join(f'"{version}"' for version in versions)
    ]


def test_every_file_that_a_page_names_exists() -> None:
    """Files with a folder before them; a page may leave out the package's own folder."""
    places = (ROOT, ROOT / "anyclaude_tui", ROOT / "docs")
    form = r"(?<![\w./~:-])([\w-]+(?:/[\w.-]+)+\.(?:py|md|toml|tcss))\b"
    named = [
        (page.name, name)
        for page in PAGES
        for name in re.findall(form, re.sub(r"https?://\S+", "", page.read_text(encoding="utf-8")))
    ]
    assert ("contributing.md", "config/kinds.py") in named
    assert [one for one in named if not any((place / one[1]).exists() for place in places)] == []


def test_the_tree_of_the_architecture_is_whole() -> None:
    """Every folder of the package, those of backends and compare too, and every loose module."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.partition("\nanyclaude_tui/\n")[2].partition("\n```")[0]
    root = ROOT / "anyclaude_tui"
    places = [root, root / "backends", root / "compare"]
    folders = {path.parent.name for place in places for path in place.glob("*/__init__.py")}
    loose = {path.name for path in root.glob("[!_]*.py")}
    named = set(re.findall(r"[\w.]+", tree))
    assert folders | loose <= named
    proxy = {f"proxy/{path.name}" for path in (root / "proxy").glob("[!_]*.py")}
    assert proxy <= set(re.findall(r"proxy/\w+\.py", text.partition("## Folders")[0]))


ASKS = r"(?:About how|How|In which|What|When|Where|Whether|Which|Who|Whose|Why)\b"


def asking(path: Path) -> Iterator[str]:
    """The docstrings of a file, those below fields too, that begin like a question."""
    source = path.read_text(encoding="utf-8")
    if not re.search(rf"[\"']\s*{ASKS}", source):
        return  # parsing is slow
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))) if re.match(ASKS, text.strip()):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {text.strip().splitlines()[0]}"


@pytest.mark.parametrize("folder", ["anyclaude_tui", "benchmarks", "tools"])
def test_docstrings_put_the_noun_first(folder: str) -> None:
    """As in "True once the reply has ended", not "Whether it ended". What acts has its verb in the
    imperative."""
    assert [one for path in sorted((ROOT / folder).rglob("*.py")) for one in asking(path)] == []


def test_what_the_source_refers_to_is_in_the_tree() -> None:
    assert [
        f"{path.relative_to(ROOT)}: {one}"
        for path in references.sources()
        for text in references.texts(path)
        for one in references.wrong(text)
    ] == []


def test_every_exception_of_ours_is_on_the_page_of_architecture() -> None:
    assert {"ApiError", "ConfigError", "BackendError"} <= exceptions().keys()
    assert rows().keys() == exceptions().keys()


def test_the_changes_are_told_by_kind() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    unreleased = text.partition("## Unreleased\n")[2].partition("\n## ")[0]
    assert re.findall(r"^### (\w+)$", unreleased, re.MULTILINE) == ["Added", "Changed", "Fixed"]


def test_every_finding_is_listed() -> None:
    folder = ROOT / "findings"
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w[\w-]*\.sh)`", page, re.MULTILINE)) == {
        path.name for path in folder.glob("*.sh")
    }
