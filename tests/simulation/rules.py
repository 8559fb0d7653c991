"""The rules of DESIGN §6, judged after every step by what people did, Prometheus said and hosts served.

Rule 9 is judged by `alert_rules`, work around the traffic by `works`, messages in the end by `final`.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from bot.engine.ports.records import Commit
from bot.engine.submitted import Submitted
from bot.fleet.target import Serving
from bot.rollout.gate import Need, Value
from bot.rollout.plan import Plan
from tests.simulation.books import FINAL, Answer, Asking, Books
from tests.simulation.hosts import SimHost, share
from tests.simulation.measured import passes, usable
from tests.simulation.moves import Moves
from tests.simulation.slack import NO, PEOPLE, YES, Message

if TYPE_CHECKING:
    from tests.simulation.world import World

SLACK = 120.0  # seconds a decision may lag behind what it was made of: a replica may be frozen for a minute
SPOKEN = {  # events that a person caused -> what that person must have typed
    "StageForced": "Promote",
    "BakeRestarted": "Retry",
    "RolloutPaused": "Pause",
    "RolloutResumed": "Resume",
    "NoteAdded": "AddNote",
    "DriftAdopted": "AnswerDrift",
    "RollbackOrdered": "RollBack",
    "StepDownOrdered": "RollBack",
    "RolloutCancelled": "RollBack",
    "WorkOverridden": "Override",
    "ItemTicked": "TickItem",
    "FollowUpAdded": "AddFollowUp",
    "FollowUpClosed": "CloseFollowUp",
}
OPERATING = ("StageForced", "BakeRestarted", "RolloutPaused", "RolloutResumed", "DriftAdopted")


class Rules(Moves):
    def __init__(self, world: World) -> None:
        self._world = world
        self.books = Books()
        self.over = False

    def broken(self, rule: str, what: str, *facts: Any) -> None:
        if not self.over:
            self.over = True
            self._world.fail(rule, what.format(*facts))

    def hold(self, condition: bool, rule: str, what: str, *facts: Any) -> None:
        if not condition:
            self.broken(rule, what, *facts)

    # --- what people, Prometheus and Slack did

    def reactions_read(self, message: Message) -> None:
        """A real quorum is one that Slack showed the bot, of people who may speak, on the message that asks."""
        kind, _, rest = message.key.partition(":")
        rollout, _, rest = rest.partition(":")
        stage_name, _, attempt = rest.rpartition(":")
        asking = self.books.askings.get((rollout, stage_name, int(attempt))) if kind == "approval" else None
        if asking is None:
            return
        stage = next(s for s in asking.plan.stages if s.name == stage_name)
        marks = [(user, emoji.split("::")[0]) for user, emoji in message.marks]
        yes = {user for user, emoji in marks if emoji == YES and self._may_speak(user)}
        no = {user for user, emoji in marks if emoji == NO and self._may_speak(user)}
        if len(yes - {self.books.view.initiators[rollout]}) >= stage.approval.quorum and not no:
            self.books.granted[rollout, stage_name, int(attempt)] = self._world.loop.time()
            granted = (stage_name, asking.plan.hash, stage.weight)
            self.books.let_through.setdefault(rollout, set()).add(granted)

    def _may_speak(self, user: str, lag: float = 0.0) -> bool:
        person = PEOPLE.get(user)
        if person is None or person.bot or person.guest or person.deactivated or person.external:
            return False
        left = self._world.slack.left_at.get(user)
        return "rm" in person.roles and (left is None or self._world.loop.time() - left < lag)

    def measured(self, values: dict[Need, Value], asked: float) -> None:
        view, now = self.books.view, self._world.loop.time()
        forgotten = any(replica.store.away or replica.store.flaky for replica in self._world.running)
        self.books.answers.append(Answer(now, values, not view.paused and not view.drift, asked, forgotten))

    def posted(self, key: str) -> None:
        self.books.posted[key] = self.books.posted.get(key, 0) + 1

    # --- hosts

    def served(self, host: SimHost, serving: Serving | None, by_hand: bool) -> None:
        """Rule 1, at the instant it becomes true; rule 3: what was rolled back does not come again."""
        books, world = self.books, self._world
        world.say("host {} serves {}{}", host.name, serving, " (by hand)" if by_hand else "")
        if serving is None:
            return
        books.served.setdefault(host.name, set()).add(serving.generation)
        if by_hand:
            return
        through = books.let_through.get(serving.rollout, set())
        allowed = max((weight for _, _, weight in through), default=-1.0)
        if serving.mode != "stable":
            self.hold(share(serving) <= allowed, "1", "{} serves {} where {} was approved", host.name, serving, allowed)
        restored = books.restored.get(host.name, 0)
        self.hold(serving.generation >= restored, "3", "{} serves {} after rollback {}", host.name, serving, restored)
        if serving.mode == "stable":
            books.restored[host.name] = max(restored, serving.generation)

    def overwritten(self, host: SimHost, verb: str, serving: Serving | None) -> None:
        """Rule 6: a person's edit goes only after a person's answer, or in a rollback."""
        edit, view = host.edit, self.books.view
        order = view.orders.get(serving.generation) if serving else None
        if edit is None or order is None or order.back or verb != "commit":
            return
        if edit.at >= max(order.at, view.wave_begun):
            return  # an edit in the middle of a shift races with it; the host itself looks once more before the swap
        known = (host.name, edit.digest)
        # What a failure named and is gone since: whoever tries again before anything was live wants the file there.
        gone = edit.share is None and not view.live_generation
        named = view.named.get(host.name, math.inf)
        told = named < order.at and (edit.at < named or gone)
        shown = told or view.shown.get(known, math.inf) < order.at
        answered = known in view.adopted or (order.why in ("retry", "restore") and shown)
        self.hold(answered, "6", "{}: {} overwritten by {} without an answer", host.name, edit, order)

    # --- what people asked for

    def submitted(self, intent: Any, begun: int, submitted: Submitted) -> None:
        """begun: the loop's step when the person asked. A refusal must have had its reason at some instant since."""
        kind = type(intent).__name__
        if submitted.refusal is None:
            return
        self.hold(not submitted.events, "7", "{} was refused and did {}", kind, submitted.events)
        person = intent.actor
        if (
            kind != "RollBack"
            or intent.gradual
            or (person.known and (person.bot or person.deactivated or person.external))
        ):
            return
        since = [s for step, s in self.books.view.statuses if step >= begun]
        before = [s for step, s in self.books.view.statuses if step < begun][-1:]
        over = ("none", "rolling_back", "rolled_back", "cancelled")
        reasons = [s for s in (*before, *since) if s in over] or not self.books.view.statuses
        self.hold(bool(reasons), "3", "rollback refused ({}) while {}", submitted.refusal.code, before)

    # --- what the bot committed

    def committed(self, plan: Plan | None, skew: float, delivery: str, commit: Commit) -> None:
        world = self._world
        for new in commit.effects:
            world.count("effect:" + type(new.effect).__name__)
        if delivery and (commit.events or commit.effects):
            times = self.books.acted_on[delivery] = self.books.acted_on.get(delivery, 0) + 1
            self.hold(times == 1, "once", "{} was acted on {} times: {}", delivery, times, commit.events)
        assert plan is not None
        for event in commit.events:
            world.count("event:" + type(event).__name__)
            world.say("log {}: {}", len(self.books.view.events) + 1, event)
            self._named(event, commit.at, plan)
            getattr(self, "_" + type(event).__name__, self._anything)(event, plan, skew)
            world.works.committed(plan, event)
            self.books.view.fold(event, world.loop.time(), plan, world.loop.steps)
            if type(event).__name__ == "ApprovalAsked":
                asking = self.books.view.asking
                assert asking is not None
                self.books.askings[asking.rollout, asking.stage, asking.attempt] = asking
        if commit.events:
            world.count("status:" + self.books.view.status)
            world.on_events()

    def _anything(self, event: Any, plan: Plan, skew: float) -> None:
        """Nothing but rule 10 to judge."""

    def _named(self, event: Any, at: float, plan: Plan) -> None:
        """Rule 10: who, when, why; and of who, that they said it and may."""
        name, now = type(event).__name__, self._world.loop.time()
        self.hold(event.at == at and abs(at - now) < SLACK, "10", "{} at {}, it is {}", event, at, now)
        by = getattr(event, "by", None)
        if by is None or by in ("trigger", "policy"):
            return
        spoken = SPOKEN.get(name)
        if name == "ShiftOrdered" and event.why != "stage":
            spoken = {"retry": "Retry", "restore": "AnswerDrift"}[event.why]
        unnamed = name == "ApprovalClosed" and event.how in ("expired", "voided")
        unnamed = unnamed or name == "WorkOrdered"  # the rollout's own course, after what somebody did
        self.hold(bool(by) or unnamed, "10", "nobody did {}", event)
        if spoken:
            self.hold((by, spoken) in self.books.said, "10", "{} never asked for {}", by, event)
        if name in OPERATING or (name == "ShiftOrdered" and spoken):
            self.hold(self._may_speak(by, SLACK), "7", "{} may not do {}", by, event)
        if name in ("RollbackOrdered", "StepDownOrdered", "RolloutCancelled"):
            person = PEOPLE.get(by)
            nobody = person is None or person.bot or person.deactivated or person.external
            # Going back does not wait for the directory: whom it could not tell of may.
            unknown = self._world.loop.time() - self._world.slack.unknown.get(by, -math.inf) < SLACK
            self.hold(not nobody or unknown, "7", "{} may not do {}", by, event)
        if name == "StageForced":
            self.hold(bool(event.reason.strip()), "10", "forced for no reason: {}", event)

    def _RolloutStarted(self, e: Any, plan: Plan, skew: float) -> None:
        view, person = self.books.view, PEOPLE.get(e.initiator)
        self.hold(not view.active, "3", "{} starts beside {}, {}", e.rollout, view.rollout, view.status)
        outsider = person is None or person.bot or person.guest or person.deactivated or person.external
        self.hold(not outsider, "7", "{} may not start", e.initiator)
        self.hold((e.initiator, "Start") in self.books.said, "10", "{} never started {}", e.initiator, e.rollout)

    def _StageApproved(self, e: Any, plan: Plan, skew: float) -> None:
        asking = self.books.view.asking
        self.hold(
            asking is not None and (e.stage, e.attempt) == (asking.stage, asking.attempt), "2", "no asking: {}", e
        )
        assert asking is not None
        key = (asking.rollout, asking.stage, asking.attempt)
        self.hold(key in self.books.granted, "2", "{} was approved by no quorum", e)
        if key in self.books.granted:
            early = self.books.granted[key] + skew < asking.expires_at + 10
            self.hold(early, "2", "{} after it had expired at {}", e, asking.expires_at)
        self.hold(plan.hash == asking.plan.hash, "2", "{} under another plan", e)

    def _ShiftOrdered(self, e: Any, plan: Plan, skew: float) -> None:
        view = self.books.view
        asking = view.asking
        assert asking is not None
        self.hold(e.generation > max(view.orders, default=0), "fence", "{} after {}", e, view.generation)
        self.hold(view.status not in ("shifting", "rolling_back", *FINAL), "3", "{} while {}", e, view.status)
        self.hold(not view.paused, "6", "{} while paused", e)
        if e.why == "stage":
            self.hold(not view.drift, "6", "{} with drift {}", e, view.drift)
        stage = next((s for s in plan.stages if s.name == e.stage), None)
        self.hold(stage is not None and e.weight == stage.weight, "1", "{} is not the plan's weight", e)
        through = {(name, hash) for name, hash, _ in self.books.let_through.get(view.rollout, ())}
        self.hold((e.stage, plan.hash) in through, "2", "{} was approved by nobody under this plan", e)
        if e.why != "restore":
            self._live_approval(e, asking, plan, skew)
        else:
            self.hold(e.stage == view.live_stage, "6", "{} restores another stage than {}", e, view.live_stage)

    def _live_approval(self, e: Any, asking: Asking, plan: Plan, skew: float) -> None:
        key = (asking.rollout, asking.stage, asking.attempt)
        fine = asking.stage == e.stage and key in self.books.granted and asking.plan.hash == plan.hash
        self.hold(fine, "2", "{} on the approval {}", e, key)
        self.hold(e.at < asking.expires_at, "2", "{} on an approval that had expired", e)

    def _ShiftDone(self, e: Any, plan: Plan, skew: float) -> None:
        without = {name for name, _ in e.left_out}
        self.hold(len(without) <= plan.fleet.max_unavailable, "5", "{} went without {}", e.generation, without)
        for host in self._world.hosts.values():
            there = host.name in without or e.generation in self.books.served.get(host.name, ())
            self.hold(there, "5", "{} done, but {} never served it", e.generation, host.name)

    def _HostsCaughtUp(self, e: Any, plan: Plan, skew: float) -> None:
        for name in e.hosts:
            there = e.generation in self.books.served.get(name, ())
            self.hold(there, "5", "{} has caught up with {}, which it never served", name, e.generation)

    def _ShiftFailed(self, e: Any, plan: Plan, skew: float) -> None:
        named = {name for name, _ in e.failed}
        for host in self._world.hosts.values():
            left = host.name not in named and share_of(host, e.generation)
            self.hold(not left, "5", "{} failed ({}), and {} still has it, unnamed", e.generation, e.failed, host.name)

    def _StagePassed(self, e: Any, plan: Plan, skew: float) -> None:
        stage = next((s for s in plan.stages if s.name == e.stage), None)
        self.hold(stage is not None, "4", "{} is no stage of the plan", e)
        assert stage is not None
        good = [
            a for a in self._since(self.books.view.bake_from) if a.counts and all(usable(a, g) for g in stage.gates)
        ]
        passing = [a for a in good if all(passes(a, plan, stage, g) for g in stage.gates)]
        self.hold(bool(passing), "4", "{} passed, and no answer of Prometheus did", e.stage)
        enough = not stage.gates or len(good) >= stage.min_readings
        self.hold(enough, "4", "{} passed on {} readings", e.stage, len(good))
        measured = self._measured(good, plan, self.books.view.bake_from)
        slop = 5.0 + 2 * plan.interval * self.books.view.toggles
        self.hold(measured + slop >= stage.bake, "4", "{} passed with {} s measured", e.stage, measured)
        self.hold(not self.books.view.paused and not self.books.view.drift, "4", "{} passed in a pause", e.stage)

    def _since(self, at: float) -> list[Answer]:
        return [a for a in self.books.answers if a.at >= at]

    def _measured(self, good: list[Answer], plan: Plan, since: float) -> float:
        before, total = since, 0.0
        for answer in self._since(since):
            if answer in good:
                total += min(answer.at - before, 2 * plan.interval)
            elif answer.asked < since or answer.forgotten:
                continue  # of what was watched before, or could not be written
            before = answer.at
        return total

    def _WatchStarted(self, e: Any, plan: Plan, skew: float) -> None:
        last = plan.stages[-1].name
        self.hold(last in self.books.view.passed, "4", "a watch before {} had passed", last)

    def _DriftGone(self, e: Any, plan: Plan, skew: float) -> None:
        """Rule 6: nobody's change ends being drift while it is there, on a host that runs or on one that does not."""
        view = self.books.view
        for name, digest in view.drift.items():
            edit = self._world.hosts[name].edit
            there = edit is not None and edit.digest == digest and (name, digest) not in view.adopted
            self.hold(not there, "6", "{}, and {} has {} unanswered", e, name, edit)

    def _RolloutCompleted(self, e: Any, plan: Plan, skew: float) -> None:
        self.hold(self.books.view.status == "watching", "4", "completed while {}", self.books.view.status)


def share_of(host: SimHost, generation: int) -> bool:
    """Whether the host serves this very generation; one whose nginx is stopped serves what its file says by then."""
    return f"# generation {generation}\n" in (host.live if host.running else host.file)
