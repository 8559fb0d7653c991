"""From what Prometheus answered to alerts that begin and end. Pure.

NaN is a series without a value, an empty answer to a rule with a condition is no answer, an error least of all: none of
them begins an alert or ends one. A rule that sees nothing for a while is itself an alert.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from bot.alerts.intents import Signal
from bot.alerts.labels import Labels, fingerprint, labels_of
from bot.alerts.model import Alert
from bot.alerts.plan import Rule
from bot.alerts.templates import expand

BLIND = "RuleBlind"
NO_DATA = "no data"


@dataclass(frozen=True, slots=True)
class Reading:
    """One series of an answer, without its name."""

    labels: Labels
    value: float


@dataclass(frozen=True, slots=True)
class Answer:
    readings: tuple[Reading, ...] = ()
    error: str = ""


@dataclass(frozen=True, slots=True)
class Track:
    """holds_since: without a gap, None = it does not hold. over_since: of one that fires, since when it does not hold.
    seen_at: when the series was last in an answer.
    """

    holds_since: float | None = None
    over_since: float | None = None
    seen_at: float = 0.0


@dataclass(frozen=True, slots=True)
class Watch:
    """What is remembered of a rule between its evaluations. sighted_at: when it last saw anything."""

    tracks: Mapping[str, Track] = field(default_factory=dict)
    sighted_at: float | None = None
    blind: str = ""  # the error or `no data`; "" = it sees


def judge(
    rule: Rule, watch: Watch, answer: Answer, firing: Mapping[str, Alert], now: float, blind_after: float
) -> tuple[Watch, tuple[Signal, ...]]:
    """The next watch, and what began or ended. firing: this rule's open alerts as the log has them."""
    sighted = watch.sighted_at if watch.sighted_at is not None else now
    blind = answer.error or (NO_DATA if rule.condition and not answer.readings else "")
    sighted = sighted if blind else now
    own = _own_state(rule, blind, now - sighted >= blind_after, firing, now)
    if blind:
        return replace(watch, sighted_at=sighted, blind=blind), own
    tracks: dict[str, Track] = {}
    signals: list[Signal] = list(own)
    for reading in answer.readings:
        labels = labels_of(
            {**dict(reading.labels), **dict(rule.labels), "alertname": rule.name, "severity": rule.severity}
        )
        print_ = fingerprint("rules", labels)
        track, signal = _step(rule, watch.tracks.get(print_, Track()), labels, reading.value, firing.get(print_), now)
        tracks[print_] = replace(track, seen_at=now)
        signals += signal
    for print_, track in _missing(watch, firing, tracks, now):
        kept, signal = _unseen(rule, track, firing.get(print_), now, blind_after)
        if kept:
            tracks[print_] = kept
        signals += signal
    return Watch(tracks, sighted, ""), tuple(signals)


def _missing(
    watch: Watch, firing: Mapping[str, Alert], seen: Mapping[str, Track], now: float
) -> list[tuple[str, Track]]:
    """Series known before, or firing in the log, that are not in the answer."""
    known = dict(watch.tracks)
    for print_, alert in firing.items():
        if alert.name != BLIND:
            known.setdefault(print_, Track(seen_at=now))  # after a restart: it is given its time
    return [(print_, track) for print_, track in known.items() if print_ not in seen]


def _step(
    rule: Rule, track: Track, labels: Labels, value: float, alert: Alert | None, now: float
) -> tuple[Track, tuple[Signal, ...]]:
    if math.isnan(value):
        gap = now - track.seen_at > 2 * rule.every
        return (replace(track, holds_since=None) if gap else track), ()
    if rule.condition is None or rule.condition.holds(value):
        since = now if track.holds_since is None else track.holds_since
        begins = alert is None and now - since >= rule.hold_for
        held = replace(track, holds_since=since, over_since=None)
        return held, (_signal(rule, labels, value, since),) if begins else ()
    return _over(rule, track, alert, now, "over")


def _over(rule: Rule, track: Track, alert: Alert | None, now: float, why: str) -> tuple[Track, tuple[Signal, ...]]:
    if alert is None:
        return replace(track, holds_since=None, over_since=None), ()
    since = now if track.over_since is None else track.over_since
    ended = replace(track, holds_since=None, over_since=since)
    return ended, (_ended(alert, why),) if now - since >= rule.keep_firing_for else ()


def _unseen(
    rule: Rule, track: Track, alert: Alert | None, now: float, blind_after: float
) -> tuple[Track | None, tuple[Signal, ...]]:
    """A series that is not in the answer: over where the query selects what fires; else without a value."""
    if rule.condition is None:
        after, signal = _over(rule, track, alert, now, "over")
        return (after if alert and not signal else None), signal
    if alert is not None:
        gone = now - track.seen_at >= blind_after
        return (None if gone else track), ((_ended(alert, "gone"),) if gone else ())
    return (track if now - track.seen_at <= 2 * rule.every else None), ()


def _signal(rule: Rule, labels: Labels, value: float, since: float) -> Signal:
    annotations = labels_of(
        {
            "summary": expand(rule.summary, labels, value),
            "description": expand(rule.description, labels, value),
            "title": rule.title,
            "condition": rule.condition.text.partition(" ")[2] if rule.condition else "",
            "unit": rule.unit if rule.condition else "",
        }
    )
    return Signal(fingerprint("rules", labels), rule.name, rule.severity, labels, annotations, since, value)


def _ended(alert: Alert, why: str) -> Signal:
    return Signal(
        alert.fingerprint, alert.name, alert.severity, alert.labels, alert.annotations, alert.started_at, over=why
    )


def _own_state(rule: Rule, blind: str, long: bool, firing: Mapping[str, Alert], now: float) -> tuple[Signal, ...]:
    """Whether the rule itself can see."""
    labels = blind_labels(rule)
    print_ = fingerprint("bot", labels)
    known = firing.get(print_)
    if blind and long and known is None:
        annotations = labels_of({"error": blind, "title": rule.title})
        return (Signal(print_, BLIND, rule.severity, labels, annotations, now),)
    return (_ended(known, "over"),) if known and not blind else ()


def blind_labels(rule: Rule) -> Labels:
    given = {"alertname": BLIND, "rule": rule.name, "severity": rule.severity}
    service = dict(rule.labels).get("service", "")
    return labels_of({**given, "service": service})
