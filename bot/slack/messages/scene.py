"""What the parts of a message look at: a rollout with its plan and board, in the words of one language. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from bot.rollout.deciding.common import next_stage
from bot.rollout.model import Board, GateResult, Rollout, StageRecord, Status
from bot.rollout.plan import Plan, Stage
from bot.slack.messages.markup import Mrkdwn, code, codes, escape, outside
from bot.slack.messages.numbers import weight
from bot.slack.messages.words import Words


@dataclass(frozen=True, slots=True)
class Scene:
    """now: Unix seconds. board: of the live stage, or None."""

    w: Words
    r: Rollout
    plan: Plan
    now: float
    board: Board | None = None

    def say(self, key: str, **facts: object) -> Mrkdwn:
        return self.w.say(key, **facts)

    def stage(self, name: str) -> Stage | None:
        return next((s for s in self.plan.stages if s.name == name), None)

    @property
    def live(self) -> Stage | None:
        return self.stage(self.r.live_stage)

    @property
    def following(self) -> Stage | None:
        return next_stage(self.plan, self.r.stage)

    @property
    def measured(self) -> Board | None:
        """The board if it is of what the hosts serve now; one of an earlier shift says nothing of it."""
        board = self.board
        fits = board and (board.stage, board.generation) == self.r.watched
        return board if fits else None

    def title(self) -> str:
        """Plain text: the plan's title, "" where it only repeats the service."""
        return "" if self.plan.title == self.plan.service else self.plan.title

    def command(self, verb: str, rest: str = "") -> Mrkdwn:
        return Mrkdwn(f"`/rollout {verb} {outside(self.r.service, 80)}{rest}`")

    def share(self, name: str) -> Mrkdwn:
        """Who gets the new version in that stage: `internal users only`, `10 % of everyone`."""
        stage, record = self.stage(name), self.r.record(name)
        if stage and stage.audience and not stage.weight:
            return self.say("share.internal")
        if stage and not stage.weight:
            return self.say("share.invited")
        percent = stage.weight if stage else record.weight if record else None
        if percent is None:
            return self.say("share.none")
        return self.say("share.all" if percent >= 100 else "share.weight", weight=weight(percent))

    def live_share(self) -> Mrkdwn:
        if self.r.status is Status.STEPPING_DOWN and self.r.step_down:
            return self.say("share.weight", weight=weight(self.r.step_down.share))
        return self.share(self.r.live_stage) if self.r.live_stage else self.say("share.none")

    def gates(self, name: str) -> tuple[GateResult, ...]:
        """The newest rows known of a stage: measured now, else as the log last had them."""
        if self.measured and name == self.measured.stage and self.measured.gates:
            return self.measured.gates
        record = self.r.record(name)
        return record.gates if record else ()

    def last_done(self, before: str = "") -> StageRecord | None:
        """The latest stage that passed or was forced, before the one named."""
        done: StageRecord | None = None
        for record in self.r.stages:
            if record.name == before:
                break
            done = record if record.passed_at is not None or record.forced_by else done
        return done

    def roles(self, roles: tuple[str, ...]) -> Mrkdwn:
        return codes(roles) if roles else self.say("who.nobody")

    def operators(self) -> Mrkdwn:
        """Who may promote, pause, resume, retry and answer drift."""
        if self.plan.operate_roles:
            return self.roles(self.plan.operate_roles)
        every = tuple(sorted({role for s in self.plan.stages for role in s.approval.roles}))
        return self.say("who.operators", roles=self.roles(every), initiator=self.w.who(self.r.initiator))

    def approvers(self, stage: Stage) -> Mrkdwn:
        rule = stage.approval
        return self.say("who.approvers", quorum=max(1, rule.quorum), roles=self.roles(rule.roles))

    def hosts(self) -> Mrkdwn:
        names = [h.name for h in self.plan.fleet.hosts]
        return self.say("hosts.count", n=len(names), names=self.w.some([code(n, 60) for n in names], 4))

    def change(self) -> Mrkdwn:
        return Mrkdwn(f"{outside(self.r.stable_version, 40)} → {outside(self.r.version, 40)}")

    def stage_name(self, name: str) -> Mrkdwn:
        return outside(name, 40) if name else escape("–")

    def waits(self) -> bool:
        """Whether the current asking takes reactions now."""
        asking = self.r.approval
        open_ = self.r.status is Status.AWAITING_APPROVAL and asking is not None and not asking.decided
        return bool(open_ and asking and self.now < asking.expires_at)
