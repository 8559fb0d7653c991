"""Draws a chart with matplotlib. Imported by the drawing process alone.

Made to be read on a phone: one column, large letters, few colours (Okabe and Ito's, which the colour-blind tell apart),
and no meaning by colour alone: lines differ in weight and dash, marks in shape.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
from matplotlib import dates
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bot.release.charts import fonts as font
from bot.release.charts.model import Chart, Limit, Mark, Panel, Series
from bot.release.charts.words import WORDS, Lang

INCHES, DPI = 6.4, 190
TALL, STRIP = 2.15, 0.62  # inches of a panel, and of the strip of marks
HEAD, FOOT = 0.68, 1.02  # inches above and below them
ORANGE, BLUE, SKY, GREY, RED = "#D55E00", "#0072B2", "#E69F00", "#6B7280", "#A3262A"
LINES: dict[str, dict[str, Any]] = {
    "ordered": {"color": GREY, "linewidth": 1.4, "linestyle": (0, (5, 2)), "drawstyle": "default", "zorder": 2},
    "recent": {"color": SKY, "linewidth": 0.8, "zorder": 2},
    "stable": {"color": BLUE, "linewidth": 1.5, "linestyle": (0, (4, 1.2)), "zorder": 3},
    "canary": {"color": ORANGE, "linewidth": 2.0, "zorder": 4},
}
LIMITS: dict[str, dict[str, Any]] = {
    "gate": {"color": "#374151", "linewidth": 1.2, "linestyle": (0, (1, 1.2))},
    "trigger": {"color": RED, "linewidth": 1.4, "linestyle": (0, (6, 1.5, 1, 1.5))},
}
SHAPES: dict[str, tuple[str, str]] = {
    "approval": ("^", "#00785a"),
    "hold": ("s", "#6B7280"),
    "forced": ("P", "#CC79A7"),
    "rollback": ("X", RED),
    "alert": ("v", "#B45309"),
    "completed": ("D", BLUE),
}
NICE = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 30, 50, 75, 100, 200, 500, 1000)


def png(chart: Chart, lang: Lang, families: Sequence[str] | None = None) -> bytes:
    """families: fonts to use, for tests; else what the machine has. Without Chinese letters the words are English."""
    known = tuple(families) if families is not None else font.families()
    spoken: Lang = lang if all(font.shows(word, known) for word in WORDS[lang].values()) else "en"
    style: Any = {"font.family": list(known), "font.size": 11, "axes.unicode_minus": False, "axes.edgecolor": "#9CA3AF"}
    with mpl.rc_context(style):
        return _Picture(chart, WORDS[spoken], known).draw()


class _Picture:
    def __init__(self, chart: Chart, words: Any, fonts: tuple[str, ...]) -> None:
        self._chart = chart
        self._words = words
        self._fonts = fonts

    def draw(self) -> bytes:
        n = len(self._chart.panels)
        height = HEAD + STRIP + n * TALL + FOOT
        figure = Figure(figsize=(INCHES, height), dpi=DPI, facecolor="white")
        FigureCanvasAgg(figure)
        grid = figure.add_gridspec(
            n + 1,
            1,
            height_ratios=[STRIP, *[TALL] * n],
            hspace=0.3,
            left=0.105,
            right=0.965,
            top=1 - HEAD / height,
            bottom=FOOT / height,
        )
        strip = figure.add_subplot(grid[0])
        self._strip(strip)
        panels = [figure.add_subplot(grid[i + 1], sharex=strip) for i in range(n)]
        for axes, panel in zip(panels, self._chart.panels, strict=True):
            self._panel(axes, panel)
        for axes in panels[:-1]:
            axes.tick_params(labelbottom=False)
        self._times(panels[-1] if panels else strip)
        figure.text(0.5, 1 - 0.12 / height, self._title(), fontsize=13, fontweight="bold", va="top", ha="center")
        figure.text(0.5, 1 - 0.4 / height, self._period(), fontsize=9.5, color=GREY, va="top", ha="center")
        figure.legend(
            handles=self._legend(),
            loc="lower center",
            ncols=4,
            frameon=False,
            fontsize=9.5,
            handlelength=1.9,
            columnspacing=1.1,
            handletextpad=0.5,
            borderaxespad=0.2,
        )
        out = io.BytesIO()
        figure.savefig(out, format="png")
        return out.getvalue()

    def _title(self) -> str:
        chart = self._chart
        name = font.readable(chart.service, chart.name, self._fonts)
        return f"{name}  {font.readable(chart.old, '', self._fonts)} → {font.readable(chart.new, '', self._fonts)}"

    def _period(self) -> str:
        zone = ZoneInfo(self._chart.zone)
        ends = (datetime.fromtimestamp(at, zone) for at in (self._chart.start, self._chart.end))
        return f"{' – '.join(f'{at:%Y-%m-%d %H:%M}' for at in ends)}  {self._chart.zone}"

    def _strip(self, axes: Axes) -> None:
        """Stages by name, and what happened by shape."""
        axes.set_ylim(0, 1)
        axes.set_yticks([])
        span = max(self._chart.end - self._chart.start, 1.0)
        axes.set_xlim(self._when(self._chart.start), self._when(self._chart.start + 1.02 * span))
        axes.tick_params(labelbottom=False, bottom=False)
        for side in ("left", "right", "top", "bottom"):
            axes.spines[side].set_visible(False)
        self._stages(axes)
        for number, band in enumerate(self._chart.bands, 1):
            wide = (band.end - band.start) / span
            name = font.readable(band.name, f"#{number}", self._fonts)
            if band.name and wide * 44 >= len(name):
                axes.text(self._when((band.start + band.end) / 2), 0.8, name, ha="center", va="center", fontsize=10)
        for mark in self._chart.marks:
            shape, color = SHAPES[mark.kind]
            row = 0.14 if mark.kind in ("approval", "completed", "rollback") else 0.46
            axes.plot(self._when(mark.at), row, marker=shape, color=color, markersize=7.5, clip_on=False, zorder=5)

    def _stages(self, axes: Axes) -> None:
        for i, band in enumerate(b for b in self._chart.bands if b.name):
            shade = "#EEF2F7" if i % 2 == 0 else "#FAFBFC"
            axes.axvspan(self._when(band.start), self._when(band.end), color=shade, linewidth=0, zorder=0)

    def _panel(self, axes: Axes, panel: Panel) -> None:
        self._stages(axes)
        for mark in self._chart.marks:
            self._across(axes, mark)
        for limit in panel.limits:
            self._limit(axes, limit)
        for series in panel.series:
            self._line(axes, series)
        title = font.readable(panel.title, panel.name, self._fonts) or self._words[f"panel.{panel.kind}"]
        unit = self._words[f"unit.{panel.unit}"]
        axes.set_title(f"{title} ({unit})", loc="left", fontsize=11, pad=4)
        self._scale(axes, panel)
        axes.grid(axis="y", color="#E5E7EB", linewidth=0.7)
        axes.set_axisbelow(True)
        for side in ("right", "top"):
            axes.spines[side].set_visible(False)

    def _across(self, axes: Axes, mark: Mark) -> None:
        if mark.kind in ("rollback", "hold", "alert"):
            color = SHAPES[mark.kind][1]
            wide = 1.6 if mark.kind == "rollback" else 0.8
            axes.axvline(self._when(mark.at), color=color, linewidth=wide, alpha=0.75, zorder=1)

    def _limit(self, axes: Axes, limit: Limit) -> None:
        axes.plot([self._when(limit.start), self._when(limit.end)], [limit.value] * 2, zorder=2, **LIMITS[limit.kind])

    def _line(self, axes: Axes, series: Series) -> None:
        at = [self._when(t) for t, _ in series.points]
        values = [float("nan") if v is None else v for _, v in series.points]
        alone = len([v for v in values if v == v]) < 3
        axes.plot(at, values, solid_capstyle="round", marker="o" if alone else "", **LINES[series.line])

    def _scale(self, axes: Axes, panel: Panel) -> None:
        """Square root: small shares and error rates far below their limits stay readable, and nought is at nought."""
        values = [v for s in panel.series for _, v in s.points if v is not None]
        top = max([*values, *(limit.value for limit in panel.limits), 0.01]) * 1.12
        if panel.kind == "share":
            top = min(max(top, 1.0), 112.0)
        axes.set_yscale("function", functions=(_root, _square))
        axes.set_ylim(0, top)
        ticks = self._ticks(panel, top)
        axes.set_yticks(ticks, [f"{t:g}" for t in ticks])
        axes.tick_params(axis="y", labelsize=10)
        axes.minorticks_off()

    def _ticks(self, panel: Panel, top: float) -> list[float]:
        """Round values that keep some distance on the paper; of the share, the stages' weights among them."""
        first = {0.0, *(b.weight for b in self._chart.bands)} if panel.kind == "share" else {0.0}
        first |= {limit.value for limit in panel.limits}
        kept: list[float] = []
        for tick in [*sorted(first), *NICE]:
            far = all(abs(_root(tick) - _root(k)) >= 0.115 * _root(top) for k in kept)
            if tick <= top and far:
                kept.append(float(tick))
        return sorted(kept)

    def _times(self, axes: Axes) -> None:
        zone = ZoneInfo(self._chart.zone)
        locator: Any = dates.AutoDateLocator(tz=zone, minticks=3, maxticks=6)
        days = ["%Y", "%m", "%m-%d", "%H:%M", "%H:%M", "%M:%S"]
        zeros = ["", "%Y", "%m-%d", "%m-%d", "%H:%M", "%H:%M"]
        form: Any = dates.ConciseDateFormatter(locator, tz=zone, formats=days, zero_formats=zeros)
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(form)
        axes.tick_params(axis="x", labelsize=10)
        axes.xaxis.get_offset_text().set_visible(False)  # the whole period is above the picture

    def _legend(self) -> list[Line2D]:
        lines = {s.line for p in self._chart.panels for s in p.series}
        limits = {x.kind for p in self._chart.panels for x in p.limits}
        marks = {m.kind for m in self._chart.marks}
        found = [
            Line2D([], [], label=self._words[f"line.{k}"], **{**v, "zorder": 1}) for k, v in LINES.items() if k in lines
        ]
        found += [Line2D([], [], label=self._words[f"limit.{k}"], **v) for k, v in LIMITS.items() if k in limits]
        for kind, (shape, color) in SHAPES.items():
            if kind in marks:
                word = self._words[f"mark.{kind}"]
                found.append(Line2D([], [], marker=shape, color=color, linestyle="", markersize=7, label=word))
        return found

    def _when(self, at: float) -> float:
        return float(dates.date2num(datetime.fromtimestamp(at, UTC)))


def _root(x: Any) -> Any:
    return abs(x) ** 0.5


def _square(x: Any) -> Any:
    return x**2
