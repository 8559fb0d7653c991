"""What a picture shows, as plain values that go to the drawing process as JSON. Pure. Times are Unix seconds."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

PanelKind = Literal["share", "errors", "latency"]
Line = Literal["canary", "stable", "recent", "ordered"]
MarkKind = Literal["approval", "hold", "forced", "rollback", "alert", "completed"]


@dataclass(frozen=True, slots=True)
class Series:
    """points: (when, value in the panel's unit); None breaks the line. recent: the triggers' short window."""

    line: Line
    points: tuple[tuple[float, float | None], ...]


@dataclass(frozen=True, slots=True)
class Limit:
    """A threshold, drawn from `start` to `end`."""

    kind: Literal["gate", "trigger"]
    value: float
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Panel:
    """title: the plan's, name: the metric's; either may be "". unit: "percent" or "seconds"."""

    kind: PanelKind
    title: str
    name: str
    unit: str
    series: tuple[Series, ...]
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Band:
    """A stage, while the hosts served its share. weight: percent."""

    name: str
    start: float
    end: float
    weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Mark:
    kind: MarkKind
    at: float


@dataclass(frozen=True, slots=True)
class Chart:
    """service, old, new: for the title. zone: an IANA name."""

    service: str
    name: str
    old: str
    new: str
    zone: str
    start: float
    end: float
    panels: tuple[Panel, ...]
    bands: tuple[Band, ...] = ()
    marks: tuple[Mark, ...] = field(default=())


def to_json(chart: Chart) -> dict[str, Any]:
    return asdict(chart)


def from_json(data: dict[str, Any]) -> Chart:
    """Raises KeyError or TypeError where it is not one."""
    panels = tuple(
        Panel(
            **{
                **p,
                "series": tuple(Series(s["line"], tuple((t, v) for t, v in s["points"])) for s in p["series"]),
                "limits": tuple(Limit(**x) for x in p["limits"]),
            }
        )
        for p in data["panels"]
    )
    bands, marks = tuple(Band(**b) for b in data["bands"]), tuple(Mark(**m) for m in data["marks"])
    return Chart(**{**data, "panels": panels, "bands": bands, "marks": marks})
