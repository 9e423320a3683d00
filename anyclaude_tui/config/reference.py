"""The explanation of every setting, from the one place that has it: docstrings under fields.

`docs/configuration.md` and the settings screen are made of this.
"""

from __future__ import annotations

import ast
import inspect
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

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
    """text, number, whole, switch, texts or wholes (lists), pairs (a table of texts), object (a
    table of anything), tables."""
    default: Any
    """The value without it; None where there is none."""
    least: float | None
    most: float | None
    words: str
    """Its explanation, one paragraph."""
    choices: tuple[str, ...] = ()
    """All that it may be; empty where that is no list of words."""

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
    hints = get_type_hints(struct)
    inherited = {field for base in struct.__mro__[1:] for field in _annotated(base)}
    for field in sorted(info.fields, key=lambda field: field.name in inherited):
        if not name and field.name in SECTIONS:
            continue
        least, most = _bounds(field.type)
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        kind, choices = _kind(field.type), _choices(hints[field.name])
        found.append(
            Field(name, field.name, kind, default, least, most, words[field.name], choices)
        )
    return Section(name, _unwrapped(inspect.getdoc(struct) or ""), tuple(found))


def _annotated(struct: type) -> tuple[str, ...]:
    """The fields of a class of settings; of its bases in msgspec none."""
    return struct.__struct_fields__ if issubclass(struct, msgspec.Struct) else ()


def _docstrings(struct: type[msgspec.Struct]) -> dict[str, str]:
    """The string under each field, inherited ones included; empty where there is none."""
    found: dict[str, str] = {}
    for base in reversed(struct.__mro__):
        if _annotated(base):
            found |= _own_docstrings(base)
    return found


def _own_docstrings(struct: type) -> dict[str, str]:
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
        values: list[tuple[type[types.Type], str]] = [
            (types.StrType, "pairs"),
            (types.AnyType, "object"),
        ]
        of = type_.value_type
        return next((kind for one, kind in values if isinstance(of, one)), "tables")
    kinds: dict[type[types.Type], str] = {
        types.StrType: "text",
        types.IntType: "whole",
        types.FloatType: "number",
        types.BoolType: "switch",
        types.LiteralType: "text",
    }
    if isinstance(type_, types.VarTupleType):
        return f"{_kind(type_.item_type)}s"
    return kinds[type(type_)]


def _choices(hint: Any) -> tuple[str, ...]:
    """The words of a `Literal`, also of one that may be None, in their order."""
    if get_origin(hint) is Literal:
        return tuple(map(str, get_args(hint)))
    return next((found for one in get_args(hint) if (found := _choices(one))), ())


def _bounds(type_: types.Type) -> tuple[float | None, float | None]:
    if isinstance(type_, types.UnionType):
        found = (bounds for one in type_.types if (bounds := _bounds(one)) != (None, None))
        return next(found, (None, None))
    if isinstance(type_, types.IntType | types.FloatType):
        return (type_.ge if type_.ge is not None else type_.gt), type_.le
    return None, None
