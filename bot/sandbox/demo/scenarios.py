"""The scripted runs: what people do and what breaks. Each returns the closing JSON object, every figure measured."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bot.rollout.events import HostsRestored, SightLost, SightRegained, StagePassed
from bot.rollout.model import Rollout, StageRecord, Status
from bot.sandbox.demo.people import Team, Witness, ended
from bot.sandbox.demo.sampling import Sampler, above_approved
from bot.sandbox.demo.stand import SERVICE, Stand
from bot.sandbox.demo.transcript import Transcript, result
from bot.sandbox.production.children import ProductionError

STAGES = ("internal", "1%", "10%", "50%", "100%")
VERSION = "2.1.0"
STAGE_TIMEOUT = 120.0


class Broken(Exception):
    """The run ended otherwise than it must; the sentence says how."""


@dataclass
class Run:
    stand: Stand
    team: Team
    witness: Witness
    transcript: Transcript
    seed: int

    async def start(self) -> Rollout:
        said = await self.team.say("lin", f'/rollout start {SERVICE} "{VERSION}" weekly release')
        self.transcript.say(f'lin: /rollout start {SERVICE} "{VERSION}"\n{said}')
        return await self.witness.until(lambda r: True, "the rollout to be started", 10)

    async def approve(self, rollout: Rollout, stage: str) -> None:
        await self.team.approve("wang", rollout, stage)
        self.transcript.say(f"wang: ✅ for {stage}")

    async def stage_over(self, stage: str) -> Rollout:
        """Until the stage has passed, or the rollout has ended otherwise."""

        def over(r: Rollout) -> bool:
            record = r.record(stage)
            return ended(r) or r.status is Status.HELD or bool(record and record.passed_at)

        rollout = await self.witness.until(over, f"{stage} to pass", STAGE_TIMEOUT)
        record = rollout.record(stage)
        if record and record.passed_at:
            self.tell(record)
        return rollout

    def tell(self, record: StageRecord) -> None:
        self.transcript.stage(record, ", ".join(self.names(record.approvers)))

    def names(self, users: tuple[str, ...]) -> list[str]:
        people = self.stand.workspace.users
        return [people[u].name if u in people else u for u in users]

    async def promote(self) -> None:
        said = await self.team.say("lin", f"/rollout promote {SERVICE}")
        self.transcript.say(f"lin: /rollout promote\n{said}")

    async def finish(self, rollout: Rollout, **more: Any) -> dict[str, Any]:
        events = [event for _, event in await self.witness.events()]
        names = {user.id: user.name for user in self.stand.workspace.users.values()}
        return result(rollout, events, names) | more


async def steady(run: Run) -> dict[str, Any]:
    """The whole plan to the end."""
    rollout = await run.start()
    for stage in STAGES:
        await run.approve(rollout, stage)
        rollout = await run.stage_over(stage)
        must(rollout, bool((record := rollout.record(stage)) and record.passed_at), f"{stage} did not pass")
        if stage != STAGES[-1]:
            await run.promote()
    rollout = await run.witness.until(ended, "the watch to end", 60)
    must(rollout, rollout.status is Status.COMPLETED, "it did not complete")
    run.transcript.say(f"completed: {VERSION} serves everybody")
    return await run.finish(rollout)


async def bad_canary(run: Run) -> dict[str, Any]:
    """v2 begins to fail in the middle of the 10 % bake."""
    rollout = await run.start()
    for stage in STAGES[:2]:
        await run.approve(rollout, stage)
        rollout = await run.stage_over(stage)
        await run.promote()
    await run.approve(rollout, "10%")
    await run.witness.until(lambda r: r.status is Status.BAKING and r.live_stage == "10%", "10 % to be live", 30)
    await run.stand.world.prometheus.scraped()
    run.transcript.say("v2 starts to fail: every request answers 500")
    await run.stand.world.dial("canary", error_ratio=1.0)
    rollout = await run.witness.until(ended, "the rollback", 60)
    must(rollout, rollout.status is Status.ROLLED_BACK, "it was not rolled back")
    events = [event for _, event in await run.witness.events()]
    restored = [e for e in events if isinstance(e, HostsRestored)][-1].at
    bad = await _first_bad_scrape(run)
    trigger = rollout.rollback.trigger if rollout.rollback else None
    run.transcript.say(f"rolled back by {trigger.text if trigger else '?'} at {trigger.value if trigger else '?'}")
    return await run.finish(
        rollout,
        recovery_s=round(restored - bad, 3),
        scrape_interval_s=run.stand.world.scale.scrape_interval,
        trigger=trigger.text if trigger else None,
    )


async def blind(run: Run) -> dict[str, Any]:
    """Prometheus stops in the middle of a bake, for longer than the bake, and returns."""
    rollout = await run.start()
    blinded = "1%"
    for stage in STAGES:
        await run.approve(rollout, stage)
        if stage == blinded:
            await _blind_for(run, stage)
        rollout = await run.stage_over(stage)
        must(rollout, bool((record := rollout.record(stage)) and record.passed_at), f"{stage} did not pass")
        if stage != STAGES[-1]:
            await run.promote()
    rollout = await run.witness.until(ended, "the watch to end", 60)
    must(rollout, rollout.status is Status.COMPLETED, "it did not complete")
    events = [event for _, event in await run.witness.events()]
    lost = next(e for e in events if isinstance(e, SightLost))
    back = next(e for e in events if isinstance(e, SightRegained))
    passed = next(e for e in events if isinstance(e, StagePassed) and e.stage == blinded)
    must(rollout, passed.at > back.at, "it passed while blind")
    wall = passed.at - (rollout.record(blinded).shifted_at or 0)  # type: ignore[union-attr]
    return await run.finish(
        rollout, blind_s=round(back.at - lost.since, 1), bake_wall_s=round(wall, 1), bake_measured_s=passed.baked
    )


async def _blind_for(run: Run, stage: str) -> None:
    pace = run.stand.pace
    await run.witness.until(lambda r: r.status is Status.BAKING and r.live_stage == stage, f"{stage} to be live", 30)
    run.transcript.say("Prometheus stops")
    await run.stand.world.stop_prometheus()
    await run.witness.until(lambda r: r.blind_told, "the channel to be told of the blindness", 30)
    # Longer than the bake itself: if blind time counted, the stage would pass in it.
    until = time.time() + pace.bakes[stage] + 2
    while (left := until - time.time()) > 0:
        rollout = await run.witness.rollout()
        must(rollout, rollout is not None and rollout.status is Status.BAKING, "it moved while blind")
        await asyncio.sleep(min(left, 0.5))
    run.transcript.say("held while blind; Prometheus returns")
    await run.stand.world.start_prometheus()


async def crash(run: Run, kills: int = 20) -> dict[str, Any]:
    """The bot is killed at random instants and started again each time, nginx sampled throughout."""
    chance = random.Random(run.seed)
    run.transcript.say(f"seed {run.seed}: {kills} kills")
    done = asyncio.Event()
    async with Sampler(run.stand.world.hosts) as sampler:
        killer = asyncio.create_task(_killer(run, chance, kills, done), name="killer")
        try:
            rollout = await _stubborn(run)
            done.set()
            killed = await killer
        finally:
            killer.cancel()
    events = [event for _, event in await run.witness.events()]
    above = above_approved(sampler.samples, events)
    must(rollout, rollout.status is Status.COMPLETED, "it did not complete")
    must(rollout, killed == kills, f"only {killed} of {kills} kills fell into the run")
    must(rollout, not above, f"{len(above)} samples above the approved share, first {above[:1]}")
    unapproved = [r.name for r in rollout.stages if not r.approvers]
    must(rollout, not unapproved, f"stages without approval: {unapproved}")
    cards = len(run.team.cards(rollout))
    must(rollout, cards == 1, f"{cards} cards")
    return await run.finish(
        rollout, seed=run.seed, kills=killed, cards=cards, samples=len(sampler.samples), above_approved=len(above)
    )


async def _killer(run: Run, chance: random.Random, kills: int, done: asyncio.Event) -> int:
    """Kills at moments spread over the run; how many it did before `done`."""
    for n in range(kills):
        try:
            async with asyncio.timeout(chance.uniform(0.05, 2.5)):
                await done.wait()
            return n
        except TimeoutError:
            pass
        await run.stand.kill_bot()
        run.transcript.say(f"kill {n + 1}")
        await run.stand.start_bot()
    return kills


async def _stubborn(run: Run) -> Rollout:
    """People who try again when nothing answers, and look at where it stands before they act."""
    limit = time.monotonic() + 600
    while time.monotonic() < limit:
        cursor = run.stand.workspace.log.cursor
        rollout = await run.witness.rollout()
        if rollout and ended(rollout):
            return rollout
        act = _next_act(run, rollout)
        if act is None:
            await run.stand.workspace.log.more(cursor, 1.0)
            continue
        try:
            async with asyncio.timeout(5):
                await act()
        except (RuntimeError, TimeoutError, ProductionError):
            await run.stand.workspace.log.more(run.stand.workspace.log.cursor, 0.5)
    raise Broken("the run did not end in ten minutes")


def _next_act(run: Run, rollout: Rollout | None) -> Callable[[], Awaitable[object]] | None:
    if rollout is None:
        return lambda: run.team.say("lin", f'/rollout start {SERVICE} "{VERSION}"')
    if rollout.status is Status.PASSED:
        return lambda: run.team.say("lin", f"/rollout promote {SERVICE}")
    if rollout.status is Status.HELD:
        return lambda: run.team.say("lin", f"/rollout retry {SERVICE}")
    if rollout.status is Status.AWAITING_APPROVAL:
        return lambda: _approve_once(run, rollout)
    return None


async def _approve_once(run: Run, rollout: Rollout) -> None:
    """Reacts if that has not been done; a reaction stays on the message whatever happens to the bot."""
    message = await run.team.asking(rollout, rollout.stage, 4)
    wang = run.stand.slack.person("wang")
    if wang.id not in message.reactions.get("white_check_mark", []):
        await wang.react("releases", message.ts, "white_check_mark")
    await run.stand.workspace.log.more(run.stand.workspace.log.cursor, 1.0)


async def _first_bad_scrape(run: Run) -> float:
    """Unix seconds of the first sample in Prometheus that shows a failed request of v2."""
    instance = run.stand.world.pools["canary"].address
    promql = f'http_requests_total{{instance="{instance}",code="500"}}[5m]'
    series = await run.stand.world.prometheus.range(promql)
    bad = [at for points in series for at, value in points if value > 0]
    if not bad:
        raise Broken("Prometheus has no failed request of v2")
    return min(bad)


def must(rollout: Rollout | None, true: bool, otherwise: str) -> None:
    """Raises Broken with where the rollout stands."""
    if not true:
        raise Broken(f"{otherwise} ({_where(rollout)})")


def _where(rollout: Rollout | None) -> str:
    if rollout is None:
        return "there is no rollout"
    said = f"{rollout.status} at {rollout.stage}"
    if rollout.hold:
        said += f", held: {rollout.hold} {rollout.hold_detail}".rstrip()
    if rollout.rollback and rollout.rollback.trigger:
        said += f", by {rollout.rollback.trigger.text}"
    return said
