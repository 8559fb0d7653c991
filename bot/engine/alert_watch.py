"""Asks the rules of Prometheus, and lets time pass for the alerts. Facts in; the core judges."""

from __future__ import annotations

from collections.abc import Callable, Collection

import structlog

from bot.alerts.intents import Observe, Pass, Signal
from bot.alerts.labels import fingerprint, labels_of, value_of
from bot.alerts.model import Alert, AlertsState
from bot.alerts.plan import Rule, Severity, rule_key
from bot.alerts.rules import BLIND, Answer, Watch, judge
from bot.engine.alerting import Alerting
from bot.engine.ports.metrics import Series

log = structlog.get_logger()
FORGET = 60.0  # seconds
STOPPED = "RulesNotEvaluated"
Live = Callable[[], tuple[tuple[str, str], ...]]


class AlertWatch:
    """What is remembered between evaluations is in memory alone: after a restart a `for` begins anew, which delays.

    live: (service, rollout) under way now.
    """

    def __init__(self, alerting: Alerting, metrics: Series, live: Live, clock: Callable[[], float]) -> None:
        self._alerting = alerting
        self._metrics = metrics
        self._live = live
        self._clock = clock
        self._watches: dict[str, Watch] = {}
        self._asked: dict[str, float] = {}
        self._retired = False
        self._failed = ""
        self._evaluated_at: float | None = None
        self._ticked_at = 0.0

    async def evaluate(self) -> None:
        """The rules that are due, all in one query. Raises what the store raises."""
        try:
            asked = await self._evaluate()
        except Exception as error:
            self._failed = repr(error)
            raise
        if asked or not self._failed:
            self._failed, self._evaluated_at = "", self._clock()

    async def _evaluate(self) -> bool:
        """Whether a rule was due."""
        if not self._retired:
            await self.retire()
            self._retired = True
        now = self._clock()
        due = [r for r in self._alerting.plan.rules if now - self._asked.get(r.key, -r.every) >= r.every - 0.05]
        if not due:
            return False
        for rule in due:
            if now - self._asked.get(rule.key, now) > max(3 * rule.every, FORGET):
                self._watches.pop(rule.key, None)  # another replica has led meanwhile: what was seen then is history
            self._asked[rule.key] = now
        queries = tuple(dict.fromkeys(rule.query for rule in due))
        answers = dict(zip(queries, await self._metrics.series(queries), strict=True))
        state = await self._alerting.state()
        watches, signals = self._judged(due, answers, state)
        if signals:
            for source in ("rules", "bot"):
                own = tuple(s for s in signals if (s.name == BLIND) == (source == "bot"))
                if own:
                    await self._alerting.submit(Observe(source, own, self._live()))
        self._watches |= watches
        return True

    def _judged(
        self, due: Collection[Rule], answers: dict[str, Answer], state: AlertsState
    ) -> tuple[dict[str, Watch], list[Signal]]:
        now, plan = self._clock(), self._alerting.plan
        watches: dict[str, Watch] = {}
        signals: list[Signal] = []
        by_rule = _firing_by_rule(state)
        for rule in due:
            before = self._watches.get(rule.key, Watch())
            firing = by_rule.get(rule.key, {})
            try:
                watches[rule.key], found = judge(rule, before, answers[rule.query], firing, now, plan.blind_after)
            except Exception as error:  # one rule's fault must not blind the others
                log.exception("a rule cannot be judged", rule=rule.key)
                broken = Answer(error=f"it cannot be judged: {error!r}")
                watches[rule.key], found = judge(rule, before, broken, firing, now, plan.blind_after)
            signals += found
        return watches, signals

    async def tick(self) -> None:
        if self._alerting.moves(Pass()):
            await self._alerting.submit(Pass())
        await self._look_at_myself()

    async def _look_at_myself(self) -> None:
        """Whether the rules are still evaluated. A wake-up of its own: what hangs in `evaluate` does not hang here."""
        now, plan = self._clock(), self._alerting.plan
        if self._evaluated_at is None or now - self._ticked_at > FORGET:
            self._evaluated_at = now  # just begun, or just come back to it from another replica
        self._ticked_at = now
        stopped = bool(plan.rules) and now - self._evaluated_at >= plan.blind_after
        problem = (self._failed or "the evaluation hangs") if stopped else ""
        await self.own(STOPPED, problem, "critical")

    async def own(self, name: str, problem: str, severity: Severity = "warning") -> None:
        """An alert of the bot's about itself: it fires while there is a problem."""
        labels = labels_of({"alertname": name, "severity": severity})
        print_ = fingerprint("bot", labels)
        state = self._alerting.known or await self._alerting.state()
        known = state.alerts.get(print_)
        fires = known is not None and known.firing
        if fires == bool(problem):
            return
        began = known.started_at if known and fires else self._clock()
        details = labels_of({"error": problem})
        signal = Signal(print_, name, severity, labels, details, began, over="" if problem else "over")
        await self._alerting.submit(Observe("bot", (signal,)))

    async def retire(self) -> None:
        """Ends what rules raised that the file no longer has: nothing else ever would."""
        known = {rule.key for rule in self._alerting.plan.rules}
        state = await self._alerting.state()
        gone = [a for key, found in _firing_by_rule(state).items() if key not in known for a in found.values()]
        for source in ("rules", "bot"):
            signals = tuple(_ended(a) for a in gone if a.source == source)
            if signals:
                await self._alerting.submit(Observe(source, signals))


def _firing_by_rule(state: AlertsState) -> dict[str, dict[str, Alert]]:
    found: dict[str, dict[str, Alert]] = {}
    for alert in state.alerts.values():
        if not alert.firing:
            continue
        if alert.source == "rules":
            found.setdefault(rule_key(alert.name, alert.severity), {})[alert.fingerprint] = alert
        elif alert.name == BLIND:
            found.setdefault(rule_key(value_of(alert.labels, "rule"), alert.severity), {})[alert.fingerprint] = alert
    return found


def _ended(alert: Alert) -> Signal:
    return Signal(alert.fingerprint, alert.name, alert.severity, alert.labels, (), alert.started_at, over="removed")
