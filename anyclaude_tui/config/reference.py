"""What every setting is, from the one place that says it: the docstrings under the fields.

`docs/configuration.md` and the settings screen are made of this.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect as types

from anyclaude_tui.config.settings import SECTIONS, BackendSettings, Settings


@dataclass(frozen=True, slots=True)
class Field:
    """One key of `config.toml`."""

    section: str
    """The table it is in; empty at the top of the file, `backends.NAME` for a backend's."""
    key: str
    kind: str
    """text, number, whole, switch, texts or wholes (lists), pairs (a table of texts), tables."""
    default: Any
    """The value without it; None where there is none."""
    least: float | None
    most: float | None
    words: str
    """Its explanation, one paragraph."""

    @property
    def dotted(self) -> str:
        """The key with its table."""
        return f"{self.section}.{self.key}" if self.section else self.key

    @property
    def required(self) -> bool:
        """It cannot be left out."""
        return self.default is msgspec.NODEFAULT


@dataclass(frozen=True, slots=True)
class Section:
    """A table of `config.toml`."""

    name: str
    words: str
    fields: tuple[Field, ...]


@cache
def sections() -> tuple[Section, ...]:
    """All tables, in the order of the file."""
    structs: list[tuple[str, type[msgspec.Struct]]] = [
        ("", Settings),
        ("backends.NAME", BackendSettings),
        *SECTIONS.items(),
    ]
    return tuple(_section(name, struct) for name, struct in structs)


def _section(name: str, struct: type[msgspec.Struct]) -> Section:
    words = _docstrings(struct)
    info = types.type_info(struct)
    assert isinstance(info, types.StructType)
    found = []
    for field in info.fields:
        if not name and field.name in SECTIONS:
            continue
        least, most = _bounds(field.type)
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        found.append(
            Field(name, field.name, _kind(field.type), default, least, most, words[field.name])
        )
    return Section(name, _unwrapped(inspect.getdoc(struct) or ""), tuple(found))


def _docstrings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The string under each field; empty where there is none."""
    (body,) = ast.parse(inspect.getsource(struct)).body
    assert isinstance(body, ast.ClassDef)
    found: dict[str, str] = {}
    name = ""
    for node in body.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            name = node.target.id
            found[name] = ""
        elif name and isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found[name] = _unwrapped(str(node.value.value))
            name = ""
    return found


def _unwrapped(text: str) -> str:
    return " ".join(text.split())


def _kind(type_: types.Type) -> str:
    """The kind of a field; None may be one of its values."""
    if isinstance(type_, types.UnionType):
        rest = [one for one in type_.types if not isinstance(one, types.NoneType)]
        return _kind(rest[0])
    if isinstance(type_, types.DictType):
        return "pairs" if isinstance(type_.value_type, types.StrType) else "tables"
    kinds: dict[type[types.Type], str] = {
        types.StrType: "text",
        types.IntType: "whole",
        types.FloatType: "number",
        types.BoolType: "switch",
    }
    if isinstance(type_, types.VarTupleType):
        return f"{_kind(type_.item_type)}s"
    return kinds[type(type_)]


def _bounds(type_: types.Type) -> tuple[float | None, float | None]:
    if isinstance(type_, types.UnionType):
        return next((found for one in type_.types if any(found := _bounds(one))), (None, None))
    if isinstance(type_, types.IntType | types.FloatType):
        return (type_.ge if type_.ge is not None else type_.gt), type_.le
    return None, None
