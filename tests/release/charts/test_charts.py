"""Pictures: the right lines from any plan, thinned honestly, never a box, never for ever, never in the bot itself."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.engine.ports.errors import Final, Retryable
from bot.engine.ports.records import Measurement
from bot.release.apart import ROOT
from bot.release.charts import draw, fonts, picture
from bot.release.charts.course import course
from bot.release.charts.model import Chart, from_json, to_json
from bot.release.charts.readings import Readings, errors_of, latency_of, read
from bot.release.charts.thin import thin
from bot.release.charts.words import WORDS
from bot.rollout.plan import Metric, Plan, ShareRule
from tests.release.report.kit import sample
from tests.release.report.sample_plan import PLAN, ZONE, condition


def chart_of(name: str) -> Chart:
    s = sample(name)
    found = course(s.rows, readings(s.measurements), PLAN, s.alerts, ZONE)
    assert found is not None
    return found


def readings(measurements: Sequence[Measurement], plan: Plan = PLAN) -> list[Readings]:
    stages = dict.fromkeys(m.stage for m in measurements)
    return [read([m for m in measurements if m.stage == stage], plan) for stage in stages]


def lines(chart: Chart, kind: str) -> dict[str, list[Any]]:
    panel = next(p for p in chart.panels if p.kind == kind)
    return {s.line: [p for p in s.points if p[1] is not None] for s in panel.series}


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), min_size=1, max_size=400), st.integers(2, 20))
def test_thinning_keeps_the_lowest_the_highest_the_ends_and_every_gap(values: list[float | None], buckets: int) -> None:
    points = [(float(i), v) for i, v in enumerate(values)]
    kept = thin(points, buckets)
    assert set(kept) <= set(points) and list(kept) == sorted(kept, key=lambda p: p[0])
    real = [v for v in values if v is not None]
    if real:
        shown = [v for _, v in kept if v is not None]
        assert min(shown) == min(real) and max(shown) == max(real)
    edges = [p for i, p in enumerate(points) if p[1] is not None and (i in (0, len(points) - 1))]
    assert set(edges) <= set(kept)
    gaps = sum(a is not None and b is None for a, b in pairwise(values))
    seen = [v for _, v in kept]
    assert sum(a is not None and b is None for a, b in pairwise(seen)) == gaps


def test_a_day_of_readings_every_quarter_of_a_minute_becomes_few_points() -> None:
    points = [(i * 15.0, (i * 7919) % 1000 / 10) for i in range(5760)]
    assert len(thin(points)) <= 802


def test_which_metrics_are_drawn_is_read_from_the_plan() -> None:
    assert (errors_of(PLAN), latency_of(PLAN)) == (PLAN.metric("error_rate"), PLAN.metric("p95"))
    other = replace(
        PLAN,
        metrics=(Metric("up", "percent", "u"), Metric("failed", "percent", "f"), Metric("slow", "seconds", "s")),
        triggers=(condition("up < 99%"), condition("failed > 3%")),
        stages=(replace(PLAN.stages[1], gates=(condition("slow < 2s"),)),),
    )
    assert (errors_of(other), latency_of(other)) == (other.metric("failed"), other.metric("slow"))
    bare = replace(other, triggers=(condition("up < 99%"),), stages=(), metrics=(Metric("up", "percent", "u"),))
    assert (errors_of(bare), latency_of(bare)) == (None, None)


def test_each_panel_has_both_pools_the_limits_and_the_stages() -> None:
    chart = chart_of("rolled_back")
    assert [p.kind for p in chart.panels] == ["share", "errors", "latency"]
    errors = lines(chart, "errors")
    assert errors.keys() == {"recent", "stable", "canary"}
    assert max(v for _, v in errors["canary"]) > 10 > max(v for _, v in errors["stable"])
    limits = next(p for p in chart.panels if p.kind == "errors").limits
    assert {(x.kind, x.value) for x in limits} == {("gate", 5.0), ("gate", 3.0), ("trigger", 10.0)}
    assert [(b.name, b.weight) for b in chart.bands] == [("internal", 0), ("1%", 1), ("10%", 10), ("", 0.0)]
    assert [m.kind for m in chart.marks].count("approval") == 3
    assert {m.kind for m in chart.marks} == {"approval", "rollback", "alert"}


def test_the_share_is_that_of_the_requests_of_both_pools() -> None:
    s = sample("running")
    last = {m.pool: m.value for m in s.measurements if m.metric == "requests"}
    shown = lines(chart_of("running"), "share")["canary"][-1][1]
    assert shown == pytest.approx(100 * last["canary"] / (last["canary"] + last["stable"]))
    named = replace(PLAN, share=ShareRule("reports"))
    only = [Measurement(m.rollout, m.stage, "reports", "canary", 5.0, "", m.at) for m in s.measurements[:1]]
    found = course(s.rows, readings([*s.measurements, *only], named), named, (), ZONE)
    assert found is not None and lines(found, "share")["canary"][0][1] == 100.0


def test_a_line_is_broken_between_stages_and_where_nothing_was_measured() -> None:
    s = sample("running")
    start = s.measurements[-1].at
    later = [replace(m, at=m.at + 6 * 3600) for m in s.measurements if m.at > start - 3600]
    chart = course(s.rows, readings([*s.measurements, *later]), PLAN, (), ZONE)
    assert chart is not None
    series = next(x for p in chart.panels if p.kind == "errors" for x in p.series if x.line == "canary")
    assert [v for _, v in series.points].count(None) == 2


def test_there_is_nothing_to_draw_before_anything_was_measured() -> None:
    assert course(sample("begun").rows, (), PLAN, (), ZONE) is None


def test_a_chart_goes_through_json_unchanged() -> None:
    chart = chart_of("steady")
    assert from_json(json.loads(json.dumps(to_json(chart)))) == chart


def test_the_bot_never_imports_what_draws() -> None:
    code = "import sys, bot.release.report.publish, bot.reporting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


async def test_it_is_drawn_in_a_process_of_its_own() -> None:
    drawn = await picture.draw(chart_of("running"), "zh")
    assert drawn.startswith(picture.MAGIC)
    width = int.from_bytes(drawn[16:20], "big")
    assert 1000 <= width <= 1600


async def test_a_drawing_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[asyncio.subprocess.Process] = []
    start = asyncio.create_subprocess_exec

    async def noting(*args: Any, **more: Any) -> asyncio.subprocess.Process:
        begun.append(await start(*args, **more))
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", noting)
    with pytest.raises(Retryable, match="not made within"):
        await picture.draw(chart_of("running"), "en", deadline=0.01)
    assert [p.returncode for p in begun] == [-9]


async def test_what_is_no_chart_is_refused_with_a_sentence() -> None:
    nonsense = replace(chart_of("running"), zone="Nowhere/Land")
    with pytest.raises(Final, match=r"could not be made: .*Nowhere"):
        await picture.draw(nonsense, "en")


def test_the_drawing_process_refuses_what_is_no_chart() -> None:
    run = [sys.executable, "-m", "bot.release.charts"]
    bad = subprocess.run(run, cwd=ROOT, input=b"{}", capture_output=True, check=False)
    assert (bad.returncode, bad.stdout) == (2, b"") and b"not a chart" in bad.stderr


def labels(chart: Chart, lang: Any, families: tuple[str, ...] | None) -> list[str]:
    """Every text in the picture; a missing glyph is an error."""
    seen: list[str] = []
    original = draw.Figure.savefig

    def savefig(figure: Any, *args: Any, **more: Any) -> None:
        original(figure, *args, **more)
        seen.extend(t.get_text() for t in figure.findobj(draw.mpl.text.Text))

    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patch:
        warnings.simplefilter("error")
        patch.setattr(draw.Figure, "savefig", savefig)
        assert draw.png(chart, lang, families).startswith(picture.MAGIC)
    return [text for text in seen if text.strip()]


def test_with_chinese_letters_the_labels_are_chinese() -> None:
    known = fonts.families()
    assert len(known) == 2, "fonts-noto-cjk is part of the set-up"
    said = labels(chart_of("rolled_back"), "zh", known)
    assert {WORDS["zh"]["panel.share"] + " (%)", "错误率 (%)", "批准", "回滚"} <= set(said)
    assert any(text.startswith("品牌诊断系统") for text in said)
    assert "approved" not in said


def test_without_them_everything_is_english_and_nothing_is_a_box() -> None:
    chart = replace(chart_of("rolled_back"), old="2.0.0 稳定")
    strange = replace(chart.bands[0], name="内部用户")
    said = labels(replace(chart, bands=(strange, *chart.bands[1:])), "zh", (fonts.LATIN,))
    assert not any("\u4e00" <= c <= "\u9fff" for text in said for c in text)
    assert {WORDS["en"]["panel.share"] + " (%)", "error_rate (%)", "approved", "rollback", "#1"} <= set(said)
    assert any(text.startswith("brand-diagnosis") for text in said)


def test_a_dollar_in_a_name_is_no_formula() -> None:
    chart = replace(chart_of("running"), service=r"$\frac{1$ shop", new="$2$")
    assert labels(chart, "en", None)
