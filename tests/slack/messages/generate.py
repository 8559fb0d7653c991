"""Random but type-correct values of the core's dataclasses, with the texts that do most harm."""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from enum import Enum
from typing import Any

from hypothesis import strategies as st

from bot.rollout.model import Hold, Status, Verdict
from tests.slack.messages.samples import NOW

LEAKS = (
    [v.value for v in Verdict if "_" in v.value]
    + [h.value for h in Hold if "_" in h.value]
    + [s.value for s in Status if "_" in s.value]
    + ["None", "Status.", "Verdict.", "Hold.", "Rollout(", "functools"]
)
HOSTILE = (
    "", "x", "1%", "error_rate < 3%", "error_rate > 10%", "error_rate", "p95", "requests", "internal", "10%",
    "<!channel>", "<@U0EVIL0001>", "```", "a ``` b `c` *d* _e_ ~f~", "&amp; & < >", "<http://evil|link>",
    "line\nline\n> quote", "\u202egnirts", "品牌诊断系统" * 30, "y" * 6000, "<" * 4000, "a b " * 1500, "U0LIN00001",
    "👨‍👩‍👧 ok",
    "trigger", "policy", "blind", "\x00\ud800",
)  # fmt: skip
# hypothesis likes the word None: what a person types is no leak
texts = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_characters="{}", codec="utf-8"), max_size=30).filter(
        lambda t: not any(leak in t for leak in LEAKS)
    ),
)
floats = st.one_of(
    st.sampled_from([0.0, NOW, NOW - 60, NOW + 3600, 1.0, 99.999, 3.0000001, float("nan"), float("inf"), 1e18]),
    st.floats(0, 200),
    st.floats(allow_nan=False),
)


@functools.cache
def of(wanted: Any) -> st.SearchStrategy[Any]:
    """A strategy for a dataclass or one of the types its fields have."""
    if dataclasses.is_dataclass(wanted):
        hints = typing.get_type_hints(wanted)
        return st.builds(wanted, **{f.name: of(hints[f.name]) for f in dataclasses.fields(wanted) if f.init})
    simple = {str: texts, float: floats, int: st.integers(0, 10**12), bool: st.booleans(), type(None): st.none()}
    if wanted in simple:
        return simple[wanted]
    if isinstance(wanted, type) and issubclass(wanted, Enum):
        return st.sampled_from(list(wanted))
    return _generic(typing.get_origin(wanted), typing.get_args(wanted))


def _generic(origin: Any, inner: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    if origin is typing.Literal:
        return st.sampled_from(inner)
    if origin in (typing.Union, types.UnionType):
        return st.one_of(*(of(i) for i in inner))
    if origin is tuple and inner[-1] is Ellipsis:
        return st.lists(of(inner[0]), max_size=4).map(tuple)
    if origin is tuple:
        return st.tuples(*(of(i) for i in inner))
    raise TypeError(f"no strategy for {origin}[{inner}]")
