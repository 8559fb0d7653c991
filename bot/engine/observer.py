"""Reads the world for every rollout under way: metrics into boards, hosts into drift. Facts in; the core judges."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count

from bot.alerts.model import Alert
from bot.engine.acting import acting_epoch
from bot.engine.ports.fleet import Fleet
from bot.engine.ports.metrics import Metrics
from bot.engine.ports.records import Measurement
from bot.engine.ports.store import Store
from bot.engine.rollouts import Rollouts
from bot.engine.targets import SILENT, down_as_ordered, drift, highest_generation
from bot.rollout.deciding.reports import MOVING
from bot.rollout.deciding.work import with_steps
from bot.rollout.effects import Effect, ReadReactions, ReadSignatures, ShowCard
from bot.rollout.gate import Need, Values, judge, needs
from bot.rollout.intents import NotePlan, ReportBoard, ReportFleet, Tick
from bot.rollout.model import Board, Rollout, ServiceState, Status
from bot.rollout.plan import Plan
from bot.rollout.waves import counting, watched_since, watched_stage

CARD_EVERY = 3.0  # seconds between refreshes of a live table; Slack takes about 50 edits a minute
REACTIONS_EVERY = 30.0  # an event Slack never delivered is found by then


class Observer:
    def __init__(
        self,
        rollouts: Rollouts,
        store: Store,
        metrics: Metrics,
        fleets: Mapping[str, Fleet],
        clock: Callable[[], float],
        firing: Callable[[str], Sequence[Alert]] | None = None,
    ) -> None:
        """firing: the alerts of a service, for its card."""
        self._rollouts = rollouts
        self._store = store
        self._metrics = metrics
        self._fleets = fleets
        self._clock = clock
        self._firing = firing
        self._fired: dict[str, tuple[object, ...]] = {}  # as it was when the card was last shown for it
        self._shown: dict[str, tuple[float, tuple[object, ...]]] = {}
        self._asked: dict[str, float] = {}
        self._looks = count()
        self._reported: dict[str, int] = {}  # service -> the look at its hosts that was reported last

    async def evaluate(self, service: str) -> Board | None:
        """One evaluation of gates and triggers; None where nothing is under way or nothing was shifted yet."""
        state = await self._rollouts.state(service)
        rollout, plan = state.active, self._rollouts.plans[service]
        if rollout is None or not rollout.watched[1] or rollout.status is Status.ROLLING_BACK:
            return None
        stage = watched_stage(plan, rollout)
        board = await self._current(rollout)
        wanted = needs(plan, rollout, stage, board, self._clock())
        values = await self._metrics.measure(wanted)
        now = self._clock()
        latest = (await self._rollouts.state(service)).active
        if latest is None or (latest.watched, latest.waved) != (rollout.watched, rollout.waved):
            return None  # the hosts moved while Prometheus was asked: these values belong to no stage
        judged = with_steps(judge(plan, stage, board, values, now, counting=counting(latest)), plan, latest)
        await self._rollouts.submit(
            service,
            ReportBoard(judged),
            board=judged,
            measurements=_measurements(plan, rollout, stage.name, values, now),
            effects=self._refresh(service, rollout, judged, now),
        )
        return judged

    async def _current(self, rollout: Rollout) -> Board:
        board = await self._rollouts.board(rollout.service)
        stage, generation = rollout.watched
        began = watched_since(rollout) or self._clock()
        if board is None or board.generation != generation or board.started_at < began:
            return Board(rollout.id, stage, generation, began)
        return board

    def _refresh(self, service: str, rollout: Rollout, board: Board, now: float) -> tuple[Effect, ...]:
        at, shown = self._shown.get(service, (0.0, ()))
        verdicts = (board.generation, board.blind_since is None, board.settled_at, *(g.verdict for g in board.gates))
        if verdicts == shown and now - at < CARD_EVERY:
            return ()
        self._shown[service] = (now, verdicts)
        return (ShowCard(rollout.id),)

    async def tick(self, service: str) -> None:
        """Expires what is due, notices a changed plan, and re-reads reactions that no event told of."""
        state, board = self._rollouts.known(service)
        state = state or await self._rollouts.state(service)
        rollout = state.active
        await self._read_signatures(service, state)
        today = self._rollouts.today().isoformat()
        if rollout is None:
            if state.rollout is not None and self._rollouts.moves(service, Tick(today=today)):
                await self._rollouts.submit(service, Tick(today=today))
            return
        plan, now = self._rollouts.plans[service], self._clock()
        if rollout.plan_hash != plan.hash:
            await self._rollouts.submit(service, NotePlan())
        if board is None or (board.rollout, board.stage) != (rollout.id, rollout.watched[0]):
            board = await self._rollouts.board(service)
        stale = board is None or board.blind_since is not None or now - (board.last_at or 0) > 4 * plan.interval
        blind = stale or board is None or (bool(board.triggers) and all(t.value is None for t in board.triggers))
        passed = Tick(blind, board.gates if board else (), today)
        if self._rollouts.moves(service, passed):
            await self._rollouts.submit(service, passed)
        approval = rollout.approval
        if rollout.status is Status.AWAITING_APPROVAL and approval and not approval.decided:
            # At the first tick of a process too: whoever reacted while the bot was away must not have to do it again.
            asked = self._asked.get(service)
            if asked is None or now - asked >= REACTIONS_EVERY:
                self._asked[service] = now
                serial = f"poll{now:.3f}"
                read = ReadReactions(rollout.id, approval.stage, approval.attempt, serial=serial)
                await self._rollouts.record(service, None, (read,))
        await self._show_what_fires(service, rollout)

    async def _show_what_fires(self, service: str, rollout: Rollout) -> None:
        """Where nothing is measured yet nothing else would, and whoever is asked to approve looks at the card.

        At the first look under each lead too: it may have changed before that.
        """
        if self._firing is None:
            return
        fires = (rollout.id, acting_epoch(service), *(alert.fingerprint for alert in self._firing(service)))
        if fires != self._fired.get(service):
            await self._rollouts.record(service, None, (ShowCard(rollout.id),))
            self._fired[service] = fires

    async def _read_signatures(self, service: str, state: ServiceState) -> None:
        """Signatures that no event told of, as with approvals."""
        now = self._clock()
        for r in (state.rollout, *state.closing):
            report = r.report if r else None
            if r is None or report is None or report.posted_at is None or report.signed_at is not None:
                continue
            if now - self._asked.get(r.id, 0.0) >= REACTIONS_EVERY:
                self._asked[r.id] = now
                read = ReadSignatures(r.id, report.edition, serial=f"poll{now:.3f}")
                await self._rollouts.record(service, None, (read,))

    async def read_fleet(self, service: str, cause: str | None = None, finish: int | None = None) -> None:
        """Reads every host against what was last ordered (DESIGN §6.6).

        One host that gives no answer holds a look up for as long as its deadline. Where a later look was quicker, what
        this one saw is from before, and would end what that one found: it looks again.
        """
        look, latest = -1, 0
        while look < latest:
            look = next(self._looks)
            state = await self._rollouts.state(service)
            before, left_out = state.live_generation, state.rollout.left_out if state.rollout else ()
            readings = await self._fleets[service].read(service)
            latest = self._reported.get(service, 0)
        self._reported[service] = look
        found, down = drift(readings, before, left_out), down_as_ordered(readings, before, left_out)
        silent = tuple(r.host for r in readings if r.state in SILENT and r.host not in down)
        report = ReportFleet(highest_generation(readings), found, before, silent, down)
        await self._rollouts.submit(service, report, cause, finish=finish)

    async def patrol(self, service: str) -> None:
        """read_fleet where a rollout has traffic to lose; at rest nobody pays for it."""
        rollout = (await self._rollouts.state(service)).active
        if rollout and rollout.live_generation and rollout.status not in MOVING:
            await self.read_fleet(service)


def _measurements(plan: Plan, rollout: Rollout, stage: str, values: Values, now: float) -> tuple[Measurement, ...]:
    """The gates' whole-bake values; a trigger's short window of the same metric has its own name."""
    windows: dict[tuple[str, str], float] = {}
    for need in values:
        windows[need.metric, need.pool] = max(need.window, windows.get((need.metric, need.pool), 0.0))

    def name(need: Need) -> str:
        longest = windows[need.metric, need.pool] == need.window
        return need.metric if longest else f"{need.metric}[{need.window:g}s]"

    return tuple(
        Measurement(rollout.id, stage, name(need), need.pool, value.value, value.error, now)
        for need, value in values.items()
    )
