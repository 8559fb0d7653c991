"""`Messages`: every message the bot sends, in one language and time zone, within Slack's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from bot.alerts.explain import Step
from bot.alerts.model import Alert, Group, Silence, Why
from bot.engine.ports.rendered import Notice, Outgoing
from bot.rollout.events import Event
from bot.rollout.intents import Refusal
from bot.rollout.model import Board, Rollout
from bot.rollout.plan import Plan
from bot.slack.messages import (
    alert_answers,
    alert_card,
    alert_notice,
    dry_run,
    files,
    lists,
    overview,
    refusals,
    replies,
    signing,
    timeline,
)
from bot.slack.messages.asking import Asking, approval
from bot.slack.messages.card import card
from bot.slack.messages.limits import cut, fit
from bot.slack.messages.markup import Mrkdwn
from bot.slack.messages.preparation import preparation
from bot.slack.messages.scene import Scene
from bot.slack.messages.words import Lang, Words

DoneKind = Literal[
    "started",
    "promoted",
    "rolling_back",
    "stepping_down",
    "paused",
    "resumed",
    "retried",
    "noted",
    "adopted",
    "restored",
    "cancelled",
    "overridden",
    "ticked",
    "unticked",
    "followup",
    "closed",
    "drafted",
]


class Messages:
    """Pure: `now` is Unix seconds, and no method raises for what a rollout may hold.

    lang: "zh" or "en". timezone: IANA name; raises ZoneInfoNotFoundError for an unknown one.
    people: by role, the ids of its people and user groups, who are mentioned where they have to do something.
    Text given as plain `str` comes from outside and is escaped; a `Mrkdwn` (what `refusal` returns) is shown as it is.
    """

    def __init__(self, lang: Lang, timezone: str, people: Mapping[str, Sequence[str]] | None = None) -> None:
        self._lang: Lang = lang
        self._w = Words(lang, timezone, people)

    def card(
        self, rollout: Rollout, plan: Plan, board: Board | None, now: float, alerts: Sequence[Alert] = ()
    ) -> Outgoing:
        """The one card. board: of the live stage, None = nothing measured yet; one of another shift is disregarded.

        alerts: those that fire on the service now.
        """
        return self._fit(card(Scene(self._w, rollout, plan, now, board), alerts))

    def approval(
        self, rollout: Rollout, plan: Plan, stage_name: str, attempt: int, now: float, board: Board | None = None
    ) -> Outgoing:
        """One asking; once it is over (decided, expired, superseded) it asks for nothing any more."""
        return self._fit(approval(Asking(Scene(self._w, rollout, plan, now, board), stage_name, attempt)))

    def preparation(self, rollout: Rollout, plan: Plan, now: float) -> Outgoing:
        """The one message about checks, backups, steps and checklist before the first asking."""
        return self._fit(preparation(Scene(self._w, rollout, plan, now)))

    def sign_off(self, rollout: Rollout, plan: Plan, edition: int, now: float) -> Outgoing:
        """The message under which the roles sign an edition of the report; void once another took its place."""
        return self._fit(signing.sign_off(Scene(self._w, rollout, plan, now), edition))

    def checks(self, rollout: Rollout, plan: Plan, now: float) -> Outgoing:
        """What was checked, backed up and run, with what came of it."""
        return self._fit(lists.checks(Scene(self._w, rollout, plan, now)))

    def follow_ups(self, rollout: Rollout, plan: Plan, now: float) -> Outgoing:
        return self._fit(lists.follow_ups(Scene(self._w, rollout, plan, now)))

    def report_as_text(self, rollout: Rollout, markdown: str) -> tuple[Outgoing, ...]:
        """Instead of the report's files, where the server takes none."""
        return tuple(self._fit(piece) for piece in files.report_as_text(self._w, rollout.id, markdown))

    def report_line(self, rollout: Rollout, edition: int) -> str:
        """What stands over the report's files; edition 0 is a draft."""
        return self._w.say("report.files" if edition else "report.draft", rollout=rollout.id, edition=edition)

    def chart_line(self, rollout: Rollout, stage: str) -> str:
        """What stands over a picture."""
        return self._w.say("chart.line", rollout=rollout.id, stage=stage)

    def no_chart(self, rollout: Rollout) -> Outgoing:
        """Instead of a picture."""
        return self._fit(files.no_chart(self._w, rollout.id))

    def diff(self, per_host: Mapping[str, str]) -> Outgoing:
        """per_host: host -> unified diff, "" = no change."""
        return self._fit(dry_run.diff(self._w, per_host))

    def tell(self, event: Event, rollout: Rollout, plan: Plan) -> Outgoing:
        """A line of the timeline, with its evidence."""
        return self._fit(timeline.tell(Scene(self._w, rollout, plan, event.at), event))

    def refusal(self, refusal: Refusal, rollout: Rollout | None = None, plan: Plan | None = None) -> Mrkdwn:
        """One sentence with the mend; may be handed to `error` as it is."""
        return cut(refusals.refusal(self._w, refusal, rollout, plan), 2500, self._lang)

    def whisper(self, code: str, rollout: Rollout, plan: Plan, stage: str) -> Outgoing:
        """code: a rule of bot.rollout.approval."""
        return self._fit(refusals.whisper(self._w, code, rollout, plan, stage))

    def status(
        self, states: Sequence[tuple[Rollout, Plan, Board | None]], services: Sequence[str], now: float
    ) -> Outgoing:
        """states: the active or last rollout of each service that has one; services: every configured one."""
        scenes = [Scene(self._w, rollout, plan, now, board) for rollout, plan, board in states]
        return self._fit(overview.status(self._w, scenes, services, now))

    def history(self, rollouts: Sequence[Rollout], now: float) -> Outgoing:
        """rollouts: newest first."""
        return self._fit(overview.history(self._w, rollouts, now))

    def plan(
        self, rollout: Rollout, plan: Plan, per_host: Mapping[str, str] | None = None, error: str = ""
    ) -> Outgoing:
        """The dry run of what `decide.simulate` returned. per_host None and no error: the hosts were not read."""
        return self._fit(dry_run.plan(Scene(self._w, rollout, plan, rollout.started_at), per_host, error))

    def help(self, commands: Sequence[tuple[str, str, str]]) -> Outgoing:
        """commands: (name, usage, summary key); a key is `help.<name>` in the phrases, the prefix may be left out."""
        return self._fit(replies.help_(self._w, commands))

    def done(self, kind: DoneKind | str, **facts: object) -> Outgoing:
        """A command was taken. Facts used where given: service, version, stable_version, stage, rollout."""
        return self._fit(replies.done(self._w, kind, facts))

    def did_you_mean(self, word: str, suggestion: str, usage: str) -> Outgoing:
        """suggestion "": nothing came close."""
        return self._fit(replies.did_you_mean(self._w, word, suggestion, usage))

    def usage_error(self, what_code: str, usage: str, **facts: object) -> Outgoing:
        """what_code: too_many, unknown_service, which_service, bad_version, …; see `usage.*`."""
        return self._fit(replies.usage_error(self._w, what_code, usage, facts))

    def unavailable(self, why: str) -> Outgoing:
        """why: stopping, database, or a sentence from outside."""
        return self._fit(replies.unavailable(self._w, why))

    def outage(self, rollout: Rollout, plan: Plan, since: float, until: float | None) -> Outgoing:
        """The database is away since; with `until`, that it is back."""
        return self._fit(replies.outage(self._w, rollout, plan, since, until))

    def alerts(
        self, groups: Sequence[tuple[Group, Sequence[Alert]]], silences: Sequence[Silence], now: float
    ) -> Outgoing:
        """groups: those that fire, each with its alerts."""
        return self._fit(alert_answers.alerts(self._w, groups, silences, now))

    def why(self, group: Group, explained: Sequence[tuple[Alert, Sequence[Step]]], now: float) -> Outgoing:
        """explained: alerts of the group with what each step of the pipeline says of them."""
        return self._fit(alert_answers.why(self._w, group, explained, now))

    def oncall(self, rows: Sequence[alert_answers.OnCall], now: float) -> Outgoing:
        return self._fit(alert_answers.oncall(self._w, rows, now))

    def home(self, parts: Sequence[Outgoing], now: float) -> Outgoing:
        """The app's home: whole answers, one below the other, and as of when."""
        return self._fit(alert_answers.home(self._w, parts, now))

    def alert_card(
        self, group: Group, alerts: Sequence[Alert], live: Sequence[Rollout], now: float, call: Sequence[str] = ()
    ) -> Outgoing:
        """The one message of a group of alerts. live: the rollouts under way. call: Slack ids of whom it calls."""
        return self._fit(alert_card.card(self._w, group, alerts, live, now, call))

    def alert_reply(
        self, group: Group, alerts: Sequence[Alert], why: Why, now: float, call: Sequence[str] = ()
    ) -> Outgoing:
        """Below that message: what people have to notice."""
        return self._fit(alert_card.reply(self._w, group, alerts, why, now, call))

    def alert_notice(
        self, group: Group, alerts: Sequence[Alert], why: Why, live: Sequence[Rollout], now: float
    ) -> Notice:
        """For mail and SMS: plain text."""
        return alert_notice.notice(self._w, group, alerts, why, live, now)

    def error(self, text: str) -> Outgoing:
        return self._fit(replies.error(self._w, text))

    def _fit(self, outgoing: Outgoing) -> Outgoing:
        return fit(outgoing, self._lang)
