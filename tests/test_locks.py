"""What `make run` and `make test` install: versions and hashes that are checked in."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
GROUPS = PROJECT["dependency-groups"]
RUN = [*PROJECT["project"]["dependencies"], *GROUPS["build"]]
EXTRAS = PROJECT["project"]["optional-dependencies"]
LLAMA = EXTRAS["llama"]
WANTED = {
    "run": RUN,
    "llama": LLAMA,
    "quick": [*RUN, *GROUPS["dev"]],
    "test": [*RUN, *GROUPS["dev"], *EXTRAS["mlx"], *LLAMA],
}


def locked(name: str) -> dict[str, list[Requirement]]:
    """The requirements of a lock, by package; each has its hashes."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    found: dict[str, list[Requirement]] = {}
    for entry in re.sub(r" \\\n\s+", " ", text).splitlines():
        words, *hashes = entry.split(" --hash=sha256:")
        requirement = Requirement(words)
        assert hashes, words
        assert all(re.fullmatch("[0-9a-f]{64}", one) for one in hashes), words
        assert [one.operator for one in requirement.specifier] == ["=="], words
        found.setdefault(canonicalize_name(requirement.name), []).append(requirement)
    return found


@pytest.mark.parametrize("name", WANTED)
def test_a_lock_fits_what_the_project_asks_for(name: str) -> None:
    lock = locked(name)
    for wanted in map(Requirement, WANTED[name]):
        for found in lock[canonicalize_name(wanted.name)]:
            (pin,) = found.specifier
            assert pin.version in wanted.specifier, f"{found}: `make lock`"


def test_the_locks_have_the_same_versions() -> None:
    whole = {package: set(map(str, found)) for package, found in locked("test").items()}
    for name in ("run", "llama", "quick"):
        for package, found in locked(name).items():
            assert set(map(str, found)) <= whole[package], f"{package} in {name}: `make lock`"


@pytest.mark.parametrize("name", ["run", "quick", "test"])
def test_a_lock_is_for_every_system_and_python(name: str) -> None:
    """What the kernels and Pythons of a classifier need is there."""
    lock = locked(name)
    for package in ("aiohttp", "msgspec", "tokenizers"):
        for system in ({"sys_platform": "linux"}, {"sys_platform": "darwin"}):
            for python in ("3.11", "3.12", "3.13"):
                where = {**system, "python_version": python, "python_full_version": f"{python}.1"}
                found = [
                    one for one in lock[package] if not one.marker or one.marker.evaluate(where)
                ]
                assert len(found) == 1, (package, where)


def test_the_lock_of_npm_has_a_hash_for_every_package_and_names_no_host() -> None:
    text = (ROOT / "tests/e2e/package-lock.json").read_text(encoding="utf-8")
    packages = json.loads(text)["packages"]
    wanted = json.loads((ROOT / "tests/e2e/package.json").read_text(encoding="utf-8"))
    assert packages.pop("")["devDependencies"] == wanted["devDependencies"]
    assert [name for name, package in packages.items() if "integrity" not in package] == []
    assert "resolved" not in text


def test_make_installs_from_the_locks_alone() -> None:
    made = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = [line for line in made.splitlines() if "pip install" in line]
    free = [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line]
    assert [line.split()[-1] for line in free] == ["uv"]  # of `make lock` itself
    assert "npm ci" in made
