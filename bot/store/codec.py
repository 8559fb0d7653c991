"""Frozen dataclasses to JSON text and back.

Every dataclass is an object tagged with its class name and a version: `{"@": "ShiftDone/1", "stage": "1%", …}`. The
codecs are built from type hints, so a new event or field needs nothing here as long as it has a default. What old logs
hold stays readable in three ways: a missing field takes its default, a field nobody knows any more is left out, and
anything else is a function in UPCASTS. A class's current version is one above the highest it has an upcast from.
"""

from __future__ import annotations

import dataclasses
import json
import operator
import types
import typing
from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any, Generic, Literal, TypeVar, get_args, get_origin

from bot.engine.ports.records import LogEvent, OutboxEffect, StreamState
from bot.rollout.model import Board, Rollout
from bot.store import shapes
from bot.store.shapes import CodecError, Decoder

T = TypeVar("T")
Upcast = Callable[[dict[str, Any]], dict[str, Any]]

# (class name, version) -> a function from that version's fields to the next one's. To rename a class, the function sets
# "@" to the new name and version: {"@": "NewName/1", …}.
UPCASTS: dict[tuple[str, int], Upcast] = {}

TAG = "@"


class Codec(Generic[T]):
    """Encodes and decodes the values of one type: a dataclass or a union of them.

    Raises TypeError at construction when a field's type has no unambiguous JSON form.
    """

    def __init__(self, kind: Any, upcasts: Mapping[tuple[str, int], Upcast] | None = None) -> None:
        self._upcasts = UPCASTS if upcasts is None else upcasts
        self._plains: dict[type, Callable[[Any], dict[str, Any]]] = {}
        self._decoders: dict[type, Decoder] = {}
        self._roots = frozenset(shapes.members(kind))
        self._decode = self._build(kind)
        self._json = self._encoder(ensure_ascii=False)
        self._ascii = self._encoder(ensure_ascii=True)

    def _encoder(self, ensure_ascii: bool) -> json.JSONEncoder:
        separators = (",", ":")
        return json.JSONEncoder(
            default=self._plain, ensure_ascii=ensure_ascii, separators=separators, check_circular=False
        )

    def encode(self, value: T, *, tried: bool = True) -> str:
        """The text of a value. Raises CodecError if it could not be read back: the log must stay readable for ever.

        tried: whether that is looked at; it takes longer than the rest, and a snapshot can be done without.
        """
        if type(value) not in self._roots:
            raise CodecError(
                f"{type(value).__name__} is not one of {', '.join(sorted(r.__name__ for r in self._roots))}"
            )
        try:
            text = self._json.encode(value)
            text.encode()
        except UnicodeEncodeError:  # a lone surrogate, as JSON from outside may hold, is not UTF-8
            text = self._ascii.encode(value)
        except TypeError as error:
            raise CodecError(f"{type(value).__name__}: {error}") from error
        if tried:
            self.decode(text)
        return text

    def decode(self, text: str) -> T:
        """The value of a text. Raises CodecError: an unknown tag, a version newer than this program, a wrong shape."""
        try:
            raw = json.loads(text)
        except ValueError as error:
            raise CodecError(f"not JSON: {error}") from error
        return self._decode(raw)  # type: ignore[no-any-return]

    def _plain(self, value: Any) -> Any:
        plain = self._plains.get(type(value))
        if plain is not None:
            return plain(value)
        if isinstance(value, frozenset):
            return sorted(value)
        if isinstance(value, Enum):
            return value.value
        raise TypeError(f"{type(value).__name__} has no place here")

    # Decoders are built once per type and hold no state.

    def _build(self, kind: Any) -> Decoder:
        if isinstance(kind, typing.NewType):
            kind = kind.__supertype__
        origin, args = get_origin(kind), get_args(kind)
        if origin in (typing.Union, types.UnionType):
            return self._union(args)
        if origin is Literal:
            return shapes.one_of(args)
        if origin is tuple and len(args) == 2 and args[1] is Ellipsis:
            return shapes.items(tuple, self._build(args[0]))
        if origin is tuple:
            return shapes.fixed(tuple(self._build(arg) for arg in args))
        if origin is frozenset:
            return shapes.items(frozenset, self._build(args[0]))
        if origin in (dict, Mapping) and args[0] is str:
            return shapes.mapping(self._build(args[1]))
        if dataclasses.is_dataclass(kind):
            return self._records((kind,))
        if isinstance(kind, type) and issubclass(kind, Enum):
            return shapes.member(kind)
        if kind in shapes.LEAVES:
            return shapes.LEAVES[kind]
        raise TypeError(f"no codec for {kind!r}")

    def _union(self, kinds: tuple[Any, ...]) -> Decoder:
        """By JSON type; dataclasses by their tag. Two members of one JSON type would be a guess: refused."""
        records = tuple(kind for kind in kinds if dataclasses.is_dataclass(kind))
        by_json: dict[type, Decoder] = {dict: self._records(records)} if records else {}
        for kind in kinds:
            if kind in records:
                continue
            for json_type in shapes.json_types(kind):
                if json_type in by_json:
                    raise TypeError(f"{kinds!r}: two members are {json_type.__name__} in JSON")
                by_json[json_type] = self._build(kind)
        if float in by_json and int not in by_json:
            by_json[int] = by_json[float]

        def decode(raw: Any) -> Any:
            decoder = by_json.get(type(raw))
            if decoder is None:
                raise CodecError(f"unexpected {shapes.short(raw)}")
            return decoder(raw)

        return decode

    def _records(self, kinds: tuple[Any, ...]) -> Decoder:
        by_tag = {f"{kind.__name__}/{self._version(kind.__name__)}": self._record(kind) for kind in kinds}

        def decode(raw: Any) -> Any:
            if type(raw) is not dict:
                raise CodecError(f"expected {' or '.join(by_tag)}, found {shapes.short(raw)}")
            decoder = by_tag.get(str(raw.get(TAG)))
            if decoder is None:
                raw = self._upcast(raw, by_tag)
                decoder = by_tag[raw[TAG]]
            return decoder(raw)

        return decode

    def _version(self, name: str) -> int:
        return 1 + max((version for known, version in self._upcasts if known == name), default=0)

    def _upcast(self, raw: dict[str, Any], by_tag: Mapping[str, Decoder]) -> dict[str, Any]:
        while str(raw.get(TAG)) not in by_tag:
            name, _, version = str(raw.get(TAG, "")).partition("/")
            upcast = self._upcasts.get((name, int(version))) if version.isdecimal() else None
            if upcast is None:
                known = next((tag for tag in by_tag if tag.split("/")[0] == name), None)
                if known:
                    raise CodecError(
                        f"{name}/{version} was written by a newer version, this one reads {known}: upgrade"
                    )
                raise CodecError(
                    f"unknown tag {raw.get(TAG)!r}: not written by this program, or by a newer version of it"
                )
            fields = {key: value for key, value in raw.items() if key != TAG}
            try:
                raw = {TAG: f"{name}/{int(version) + 1}", **upcast(fields)}
            except Exception as error:  # whatever a field that is not there makes of it
                raise CodecError(f"the upcast from {name}/{version} failed: {error!r}") from error
        return raw

    def _record(self, kind: Any) -> Decoder:
        if kind in self._decoders:
            return self._decoders[kind]
        plan: list[tuple[str, Any, Decoder]] = []  # field, the JSON type that needs no decoding, its decoder
        required: set[str] = set()

        def decode(raw: dict[str, Any]) -> Any:
            values: dict[str, Any] = {}
            name = ""
            try:
                for name, direct, decoder in plan:
                    if name in raw:
                        value = raw[name]
                        values[name] = value if type(value) is direct else decoder(value)
                    elif name in required:
                        raise CodecError("is missing")
            except CodecError as error:
                raise CodecError(f"{kind.__name__}.{name}: {error}") from None
            return kind(**values)

        self._decoders[kind] = decode  # before its fields are built: a class may contain itself
        fields = dataclasses.fields(kind)
        self._plains[kind] = _plain_of(kind, f"{kind.__name__}/{self._version(kind.__name__)}")
        hints = typing.get_type_hints(kind)
        for f in fields:
            hint = hints[f.name]
            plan.append((f.name, _direct(hint), self._build(hint)))
            if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING:
                required.add(f.name)
        return decode


def _plain_of(kind: Any, tag: str) -> Callable[[Any], dict[str, Any]]:
    names = tuple(f.name for f in dataclasses.fields(kind))
    if len(names) < 2:  # attrgetter of one name gives no tuple
        return lambda value: {TAG: tag, **{name: getattr(value, name) for name in names}}
    keys, get = (TAG, *names), operator.attrgetter(*names)
    return lambda value: dict(zip(keys, (tag, *get(value)), strict=True))


def _direct(hint: Any) -> Any:
    """The one leaf type, also beside None, whose JSON values are the values themselves."""
    leaves = [member for member in shapes.members(hint) if member in (str, int, bool, float)]
    return leaves[0] if leaves else None


EVENTS: Codec[LogEvent] = Codec(LogEvent)
EFFECTS: Codec[OutboxEffect] = Codec(OutboxEffect)
BOARDS: Codec[Board] = Codec(Board)
STATES: Codec[StreamState] = Codec(StreamState)
ROLLOUTS: Codec[Rollout] = Codec(Rollout)
