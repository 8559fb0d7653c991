"""Whatever comes in whatever order: nothing is lost, nobody is told twice, each alert has one fate with a reason."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.alerts import events as ev
from bot.alerts.decide import decide
from bot.alerts.evolve import evolve
from bot.alerts.follow import follow
from bot.alerts.intents import Acknowledge, AlertIntent, BeginSilence, EndSilence, Pass, ReportDeliveries
from bot.alerts.labels import parse_matcher
from bot.alerts.model import AlertsState
from bot.alerts.pipeline import Surroundings, consider
from bot.alerts.plan import QuietHours
from bot.alerts.route import routes_for
from bot.rollout.intents import Refusal
from tests.alerts.kit import LIN, START, a_plan, a_route, a_signal, observed

SERVICES = ("shop", "mail")
NAMES = ("ErrorRate", "Slow")
QUIET = QuietHours("nights", (parse_matcher("severity = warning"),), "Asia/Shanghai", 22 * 60, 8 * 60)


@dataclass
class World:
    """The core alone, with a clock that only goes forward."""

    plan: object = field(default_factory=lambda: a_plan(quiet=(QUIET,)))
    state: AlertsState = field(default_factory=AlertsState)
    now: float = START
    said: dict[str, list[tuple[float, str]]] = field(default_factory=dict)  # fingerprint -> (at, said or over)
    keys: list[str] = field(default_factory=list)
    failing: bool = False
    repeats: dict[str, float] = field(default_factory=dict)  # of the route of a group

    def do(self, intent: AlertIntent) -> tuple[ev.AlertEvent, ...] | Refusal:
        found = decide(self.state, intent, self.now, self.plan)  # type: ignore[arg-type]
        for event in found if isinstance(found, tuple) else ():
            self.state = evolve(self.state, event)
            self.keys += [e.key for e in follow(event, self.state, self.plan) if e.key.startswith("alert:")]  # type: ignore[arg-type]
            if isinstance(event, ev.GroupsTold):
                self._note(event)
        return found

    def _note(self, event: ev.GroupsTold) -> None:
        for told in event.told:
            route = self.plan.route_of(self.state.groups[told.group].route)  # type: ignore[attr-defined]
            self.repeats[told.group] = route.repeat_interval
            for fingerprint in (*told.new, *(told.still if told.why == "repeat" else ())):
                self.said.setdefault(f"{told.group}:{fingerprint}", []).append((event.at, "said"))
            for fingerprint in told.gone:
                self.said.setdefault(f"{told.group}:{fingerprint}", []).append((event.at, "over"))

    def deliver(self) -> None:
        """Everything that is on its way arrives, or fails, as the world is."""
        outcome = "trouble" if self.failing else "sent"
        waiting = [
            ev.Delivery(g.key, r.serial, r.receiver, r.channel, r.to, outcome)  # type: ignore[arg-type]
            for g in self.state.groups.values()
            for r in g.receipts
            if r.state in ("pending", "trouble")
        ]
        if waiting:
            self.do(ReportDeliveries(tuple(waiting)))


signals = st.tuples(
    st.just("signal"),
    st.sampled_from(NAMES),
    st.sampled_from(("critical", "warning")),
    st.sampled_from(SERVICES),
    st.sampled_from(("", "over", "gone")),
)
steps = st.one_of(
    signals,
    signals,
    st.tuples(st.just("wait"), st.sampled_from((1.0, 20.0, 61.0, 301.0, 3600.0, 14401.0))),
    st.tuples(st.just("ack"), st.integers(0, 3)),
    st.tuples(st.just("silence"), st.sampled_from(SERVICES)),
    st.tuples(st.just("unsilence"), st.integers(0, 3)),
    st.tuples(st.just("deliver"), st.booleans()),
)


def play(world: World, story: Iterable[tuple]) -> None:  # type: ignore[type-arg]
    for step in story:
        match step:
            case ("signal", name, severity, service, over):
                known = [
                    a
                    for a in world.state.alerts.values()
                    if a.firing and (a.name, a.severity, a.service) == (name, severity, service)
                ]
                at = known[0].started_at if known and over else world.now
                world.do(observed(a_signal(name, severity, at, over=over, service=service)))
            case ("wait", seconds):
                world.now += seconds
                world.do(Pass())
            case ("ack", n):
                keys = sorted(world.state.groups)
                if keys:
                    found = world.do(Acknowledge(LIN, keys[n % len(keys)]))
                    assert isinstance(found, tuple) or found.code == "acked_already"
            case ("silence", service):
                matchers = (parse_matcher(f"service = {service}"),)
                world.do(BeginSilence(LIN, f"S{len(world.keys)}{world.now}", matchers, 1800, ""))
            case ("unsilence", n):
                ids = sorted(world.state.silences)
                if ids:
                    world.do(EndSilence(LIN, ids[n % len(ids)]))
            case ("deliver", failing):
                world.failing = failing
                world.deliver()
        each_alert_has_one_fate(world)


def each_alert_has_one_fate(world: World) -> None:
    """Told, to be told, waiting, or muted with its reason; by every group it is in, and it is in one at least."""
    around = Surroundings(world.state, world.plan, world.now)  # type: ignore[arg-type]
    for alert in world.state.alerts.values():
        if not alert.firing:
            continue
        assert alert.groups
        for key in alert.groups:
            group = world.state.groups[key]
            assert alert.fingerprint in group.members
            found = consider(group, around)
            muted = [m for a, m in found.muted if a is alert]
            assert (alert in found.tellable) != bool(muted)
            assert all(m.why and m.by for m in muted)


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=40))
def test_one_notification_per_alert_and_repeat_interval_whatever_the_order(story: list[tuple]) -> None:  # type: ignore[type-arg]
    world = World()
    play(world, story)
    assert len(world.keys) == len(set(world.keys))  # no effect's key comes twice: each would be done once only
    for place, told in world.said.items():
        key = place.partition(":")[0]
        repeat = world.repeats[key]
        for (before, was), (at, what) in itertools.pairwise(told):
            assert not (was == what == "over"), "an end was told twice"
            if was == what == "said":
                assert at - before >= repeat, f"{place} told twice within {at - before} s"


@settings(max_examples=200, deadline=None)
@given(st.lists(steps, max_size=40))
def test_nothing_is_lost_in_the_end(story: list[tuple]) -> None:  # type: ignore[type-arg]
    world = World()
    play(world, story)
    world.failing = False
    for _ in range(30):  # by noon every silence is over, and so are the quiet hours
        world.now += 3000
        world.do(Pass())
        world.deliver()
    around = Surroundings(world.state, world.plan, world.now)  # type: ignore[arg-type]
    if around.quiet:
        world.now += 12 * 3600
        for _ in range(3):
            world.do(Pass())
            world.now += 400
        around = Surroundings(world.state, world.plan, world.now)  # type: ignore[arg-type]
    for alert in world.state.alerts.values():
        for key in alert.groups:
            group = world.state.groups.get(key)
            if alert.firing:
                assert group is not None
                assert alert.fingerprint in group.told or around.inhibitors.of(alert), alert
            elif group is not None:
                assert alert.fingerprint not in group.told, "its end was never told"


@given(st.dictionaries(st.sampled_from(("severity", "service", "team")), st.sampled_from(("a", "critical", "b"))))
def test_every_alert_has_somewhere_to_go(labels: dict[str, str]) -> None:
    inner = a_route("inner", matchers=(parse_matcher("service = a"),))
    outer = a_route("outer", matchers=(parse_matcher("severity = critical"),), proceed=True, routes=(inner,))
    team = a_route("team", matchers=(parse_matcher("team =~ a|b"),))
    root = a_route("root", routes=(outer, team))
    found = [r.name for r in routes_for(root, tuple(sorted(labels.items())))]
    critical, in_team = labels.get("severity") == "critical", labels.get("team") in ("a", "b")
    expected = ["inner" if labels.get("service") == "a" else "outer"] if critical else []
    assert found == (expected + (["team"] if in_team else []) or ["root"])


def test_a_critical_mutes_its_warning_and_nothing_else() -> None:
    world = World(plan=a_plan())
    world.do(
        observed(
            a_signal("High", "warning"), a_signal("VeryHigh", "critical"), a_signal("High", "warning", service="mail")
        )
    )
    muted = {(a.name, a.service): a.muted for a in world.state.alerts.values()}
    world.now += 31
    world.do(Pass())
    muted = {(a.name, a.service): a.muted for a in world.state.alerts.values()}
    assert muted == {("High", "shop"): "inhibited", ("VeryHigh", "shop"): "", ("High", "mail"): ""}
    world.now += 60
    world.do(observed(a_signal("VeryHigh", "critical", over="over")))
    world.now += 60
    world.do(Pass())
    told = [g for g in world.state.groups.values() if dict(g.labels) == {"alertname": "High", "service": "shop"}]
    assert len(told[0].told) == 1  # the Critical is over, the Warning still fires: now it is told


def test_a_flapping_alert_is_damped_by_the_group_interval() -> None:
    world = World(plan=a_plan())
    told = 0
    for n in range(600):
        world.now += 10
        found = world.do(observed(a_signal("Flap", "critical", world.now, over="over" if n % 2 else "")))
        told += sum(isinstance(e, ev.GroupsTold) for e in found if isinstance(found, tuple))
        found = world.do(Pass())
        told += sum(isinstance(e, ev.GroupsTold) for e in found if isinstance(found, tuple))
    assert told <= 6000 / 60 + 2  # the interval of the route for Critical is a minute
