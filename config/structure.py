"""From a parsed file to pydantic models: types and known keys. Every fault at its line, and the rest still usable.

Models have only optional fields: what was refused is taken out and the remainder is validated again, so that one
wrong type does not hide the other faults. What must be there is asked for by `Report.need`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, TypeVar, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from config.durations import DurationError, parse_duration
from config.problems import show, suggest
from config.report import Report
from config.yaml_source import Quoted

M = TypeVar("M", bound="Model")


class Model(BaseModel):
    """Base of every YAML model: unknown keys are refused, nothing is coerced."""

    model_config = ConfigDict(extra="forbid", strict=True, arbitrary_types_allowed=True)


def fault(what: str, mend: str) -> PydanticCustomError:
    """An error a validator raises; carries the mend to the report."""
    return PydanticCustomError("fault", "{what}", {"what": what, "mend": mend})


def _kind(value: Any) -> str:
    names = {bool: "a yes or no", int: "a number", Decimal: "a number", list: "a list", dict: "a mapping"}
    return names.get(type(value), "text")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        mend = f'put it in quotes: "{value}"' if not isinstance(value, (list, dict)) else "write one text"
        raise fault(f"{show(value)} is {_kind(value)}, not text", mend)
    if not value.strip():
        raise fault("the text is empty", "fill it or remove the line")
    return value


def _version(value: Any) -> str:
    if not isinstance(value, Quoted):
        raise fault(f"the version {show(value)} is not in quotes", f'write "{value}": without them 1.10 becomes 1.1')
    return str(_text(value))


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise fault(f"{show(value)} is not a whole number", "write plain digits, without quotes or unit")
    return value


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise fault(f"{show(value)} is not a number", "write a bare number, without %, quotes or unit: 1 or 0.5")
    return Decimal(value)


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise fault(f"{show(value)} is not a yes or no", "write true or false")
    return value


def _duration(value: Any) -> float:
    if isinstance(value, (list, dict, bool)):
        raise fault(f"{show(value)} is not a duration", "write it as 24h, 1h30m, 90s or 500ms")
    try:
        return parse_duration(str(value))
    except DurationError as error:
        raise fault(error.what, error.mend) from None


def _choice(*words: str) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if value not in words:
            raise fault(f"{show(value)} is not a choice here", suggest(str(value), words))
        return str(value)

    return check


def keyed(key: str) -> BeforeValidator:
    """Lets a mapping be written as one text, which becomes the value of `key`."""

    def widen(value: Any) -> Any:
        return {key: value} if isinstance(value, str) else value

    return BeforeValidator(widen)


def choice(*words: str) -> BeforeValidator:
    """A validator for one of a few words, with a suggestion for a misspelt one."""
    return BeforeValidator(_choice(*words))


Text = Annotated[str, BeforeValidator(_text)]
Version = Annotated[str, BeforeValidator(_version)]
Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[Decimal, BeforeValidator(_number)]
Flag = Annotated[bool, BeforeValidator(_flag)]
Duration = Annotated[float, BeforeValidator(_duration)]

_MENDS = {
    "list_type": "write a list: [one, two]",
    "dict_type": "write a mapping: {key: value}",
    "model_type": "write a mapping: {key: value}",
}


def validate(model: type[M], report: Report) -> M:
    """The document as a model. What does not fit is reported, marked as removed, and absent from the result."""
    while True:
        try:
            return model.model_validate(report.doc.data or {})
        except ValidationError as error:
            faults = error.errors(include_url=False, include_input=True)
            # From the back, so that taking out a list item does not move those still to be taken out.
            for item in sorted(faults, key=lambda fault: _order(fault["loc"]), reverse=True):
                what, mend = _words(model, item)
                report.problem(item["loc"], what, mend)
                report.doc.remove(_existing(report.doc.data, item["loc"]))


def _order(path: tuple[str | int, ...]) -> tuple[tuple[bool, int, str], ...]:
    return tuple((isinstance(p, int), p if isinstance(p, int) else 0, str(p)) for p in path)


def _existing(data: Any, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """The part of a path that is in the file: a host written as text has no `name` in it."""
    for at, part in enumerate(path):
        try:
            data = data[part]
        except (KeyError, IndexError, TypeError):
            return path[:at]
    return path


def _words(model: type[BaseModel], error: Any) -> tuple[str, str]:
    path, kind = error["loc"], error["type"]
    name = next((str(part) for part in reversed(path) if isinstance(part, str)), "the file")
    if kind == "extra_forbidden":
        where = f" in `{path[-2]}`" if len(path) > 1 and isinstance(path[-2], str) else ""
        return f"unknown key {show(name)}{where}", suggest(name, _keys(model, path[:-1]))
    if kind == "fault":
        return f"{name}: {error['ctx']['what']}", error["ctx"]["mend"]
    if kind in _MENDS:
        return f"{name}: {show(error['input'])} is {_kind(error['input'])}", _MENDS[kind]
    return f"{name}: {error['msg']}", "see the shipped example"


def _keys(model: Any, path: tuple[str | int, ...]) -> list[str]:
    """The keys a mapping at `path` may have, by walking the annotations."""
    here: Any = model
    for part in path:
        here = _bare(here)
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = _fields(here).get(str(part))
        else:
            here = get_args(here)[-1] if get_args(here) else None
    here = _bare(here)
    return list(_fields(here)) if isinstance(here, type) and issubclass(here, BaseModel) else []


def _fields(model: type[BaseModel]) -> dict[str, Any]:
    return {field.alias or name: field.annotation for name, field in model.model_fields.items()}


def _bare(annotation: Any) -> Any:
    """Without Annotated and Optional."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif type(None) in get_args(annotation):
            annotation = next(arg for arg in get_args(annotation) if arg is not type(None))
        else:
            return annotation
