"""Decoders of the JSON shapes a field can have: leaves, enums, literals, sequences. Each checks what it gets."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Literal, get_args, get_origin

Decoder = Callable[[Any], Any]


class CodecError(ValueError):
    """The value cannot be written, or the text not read; the message says which class and field."""


def members(kind: Any) -> tuple[type, ...]:
    return get_args(kind) if get_origin(kind) in (typing.Union, types.UnionType) else (kind,)


def short(raw: Any) -> str:
    text = repr(raw)
    return text if len(text) <= 60 else text[:57] + "…"


def leaf(*accepted: type, convert: Callable[[Any], Any] | None = None) -> Decoder:
    name = accepted[0].__name__

    def decode(raw: Any) -> Any:
        if type(raw) not in accepted:
            raise CodecError(f"expected {name}, found {short(raw)}")
        return convert(raw) if convert else raw

    return decode


LEAVES: dict[Any, Decoder] = {
    str: leaf(str),
    int: leaf(int),
    bool: leaf(bool),
    float: leaf(float, int, convert=float),
    type(None): leaf(type(None)),
}


def json_types(kind: Any) -> tuple[type, ...]:
    origin = get_origin(kind)
    if origin is Literal:
        return tuple({type(value) for value in get_args(kind)})
    if origin in (tuple, frozenset):
        return (list,)
    if origin in (dict, Mapping):
        return (dict,)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple({type(member.value) for member in kind})
    return (kind,)


def one_of(values: tuple[Any, ...]) -> Decoder:
    def decode(raw: Any) -> Any:
        if raw not in values:
            raise CodecError(f"expected one of {', '.join(map(repr, values))}, found {short(raw)}")
        return raw

    return decode


def member(kind: type[Enum]) -> Decoder:
    by_value = {member.value: member for member in kind}

    def decode(raw: Any) -> Any:
        try:
            return by_value[raw]
        except (KeyError, TypeError):
            raise CodecError(f"{short(raw)} is not a {kind.__name__}") from None

    return decode


def items(container: Callable[[Any], Any], item: Decoder) -> Decoder:
    def decode(raw: Any) -> Any:
        if type(raw) is not list:
            raise CodecError(f"expected a list, found {short(raw)}")
        return container([item(value) for value in raw])

    return decode


def fixed(parts: tuple[Decoder, ...]) -> Decoder:
    if parts == (LEAVES[str], LEAVES[str]):
        return _pair

    def decode(raw: Any) -> Any:
        if type(raw) is not list or len(raw) != len(parts):
            raise CodecError(f"expected {len(parts)} values, found {short(raw)}")
        return tuple([part(value) for part, value in zip(parts, raw, strict=True)])

    return decode


def _pair(raw: Any) -> tuple[str, str]:
    """Two texts, as of a label: most of what a storm of alerts writes."""
    if type(raw) is not list or len(raw) != 2:
        raise CodecError(f"expected 2 values, found {short(raw)}")
    first, second = raw
    if type(first) is not str or type(second) is not str:
        raise CodecError(f"expected str, found {short(first if type(first) is not str else second)}")
    return first, second


def mapping(value: Decoder) -> Decoder:
    def decode(raw: Any) -> Any:
        if type(raw) is not dict:
            raise CodecError(f"expected an object, found {short(raw)}")
        return {key: value(item) for key, item in raw.items()}

    return decode
