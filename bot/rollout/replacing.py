"""`dataclasses.replace` for the values of the log: the same, but three times as fast for a rollout's fifty fields.

A fold of a million events is mostly this. Only for frozen dataclasses with slots that have no `__post_init__`, as the
states are: what they hold was checked when the event was made.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import replace as replace  # so that fields and their types are checked
else:

    def replace(value: Any, /, **changes: Any) -> Any:
        """A copy with these fields changed. TypeError for a field that it does not have."""
        read, setters = _access(type(value))
        new = object.__new__(type(value))
        for set_field, old in zip(setters.values(), read(value), strict=True):
            set_field(new, old)
        for name, content in changes.items():
            if name not in setters:
                raise TypeError(f"{type(value).__name__} has no field {name}")
            setters[name](new, content)
        return new


@cache
def _access(kind: type) -> tuple[Callable[[Any], tuple[Any, ...]], dict[str, Callable[[Any, Any], None]]]:
    names = [f.name for f in fields(kind)]
    assert len(names) > 1 and not hasattr(kind, "__post_init__"), kind
    return attrgetter(*names), {name: getattr(kind, name).__set__ for name in names}
