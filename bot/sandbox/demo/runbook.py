"""The five days of the runbook in a minute: checks, backup, checklist, steps, load test, watch, report, sign-off."""

from __future__ import annotations

import asyncio
from typing import Any

from bot.rollout.model import Hold, Rollout, Status
from bot.sandbox.demo.people import ended, message_key
from bot.sandbox.demo.scenarios import STAGES, Broken, Run, must
from bot.sandbox.demo.stand import CHANNEL, SERVICE

SIGNERS = ("wang", "sun", "zhou", "wu", "zhao", "lin")
TICKS = (
    ("wang", "production-config"),
    ("zhou", "database-backup"),
    ("wang", "alert-config"),
    ("zhao", "rollback-tried"),
    ("wang", "log-collection"),
)
NOTES = (
    ("chen", "note feedback: two colleagues say that reports come faster"),
    ("wang", "note good: the internal stage found nothing to complain of"),
    ("lin", "note bad: the test results were not there at first"),
)


async def runbook(run: Run) -> dict[str, Any]:
    """From the checks to the last signature. The test results are missing at first, and a retry finds them."""
    app = run.stand.application
    assert app is not None, "the stand has no application"
    await _a_while(run)
    rollout = await run.start()
    rollout = await run.witness.until(lambda r: r.hold is Hold.PREPARATION_FAILED, "the failed check", 60)
    run.transcript.say(f"held: {rollout.hold_detail} did not pass, and nothing was touched")
    app.results.write_text("128 passed\n")
    await _say(run, "lin", f"retry {SERVICE}")
    for who, item in TICKS:
        await _say(run, who, f"tick {SERVICE} {item}")
    for stage in STAGES:
        await run.approve(rollout, stage)
        rollout = await run.stage_over(stage)
        must(rollout, bool((record := rollout.record(stage)) and record.passed_at), f"{stage} did not pass")
        if stage == STAGES[0]:
            for who, note in NOTES:
                await _say(run, who, note)
            await _memo(run, rollout)
        if stage != STAGES[-1]:
            await run.promote()
    rollout = await run.witness.until(ended, "the watch to end", 60)
    must(rollout, rollout.status is Status.COMPLETED, "it did not complete")
    zhao = run.stand.slack.person("zhao").id
    await _say(run, "lin", f"followup {SERVICE} add keep the test results with the release <@{zhao}> +14d P1")
    rollout = await _signed(run)
    must(rollout, app.running.read_text() == f"{rollout.version}\n", f"what runs is {app.running.read_text()!r}")
    files = await _files(run, rollout)
    run.transcript.say(f"signed by {len(SIGNERS)}; the report: {', '.join(files)}")
    return await run.finish(rollout, **await _figures(run, rollout), reports=files)


async def _a_while(run: Run) -> None:
    """Until Prometheus knows of enough time before the rollout to compare with what comes after it."""
    baseline = run.stand.plan.runbook.baseline
    assert baseline is not None
    address = run.stand.world.pools["stable"].address
    query = f'count_over_time(up{{instance="{address}"}}[1m])'
    wanted = baseline.window / run.stand.world.scale.scrape_interval
    run.transcript.say(f"users come for {baseline.window:g} s, so that there is a before")
    async with asyncio.timeout(60):
        while not any(s.value > wanted for s in await run.stand.world.prometheus.query(query)):
            await run.stand.workspace.log.more(run.stand.workspace.log.cursor, 1.0)


async def _say(run: Run, who: str, line: str) -> None:
    said = await run.team.say(who, f"/rollout {line}")
    run.transcript.say(f"{who}: /rollout {line}\n{said}")


async def _memo(run: Run, rollout: Rollout) -> None:
    """A sentence in the thread, and the 📝 under it that makes it a note."""
    (card,) = run.team.cards(rollout)
    zhao = run.stand.slack.person("zhao")
    message = await zhao.post(CHANNEL, "search is noticeably faster for me", thread_ts=card.ts)
    await run.stand.slack.person("lin").react(CHANNEL, message.ts, "memo")
    await run.witness.until(lambda r: any("noticeably" in text for _, text, _ in r.notes), "the note", 20)
    run.transcript.say("zhao's words in the thread became a note (📝)")


async def _signed(run: Run) -> Rollout:
    """Everybody reacts under the newest edition, until it is signed by all."""
    rollout = await run.witness.until(lambda r: bool(r.report and r.report.posted_at), "the report", 60)
    edition = rollout.report.edition if rollout.report else 0
    message = await run.team.keyed(f"signoff:{rollout.id}:{edition}")
    for who in SIGNERS:
        await run.stand.slack.person(who).react(CHANNEL, message.ts, "white_check_mark")
        run.transcript.say(f"{who}: ✅ under the report")
    return await run.witness.until(lambda r: bool(r.report and r.report.signed_at), "all signatures", 60)


async def _files(run: Run, rollout: Rollout) -> list[str]:
    """What was posted under the signed edition, saved where the run leaves its report."""
    assert rollout.report
    key = f"report:{rollout.id}:{rollout.report.edition}"
    posted = [m for m in run.stand.workspace.messages(CHANNEL) if key in (message_key(m), *_block_ids(m))]
    must(rollout, len(posted) == 1, f"the report was posted {len(posted)} times")
    folder = run.stand.reports
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    saved = []
    for file in posted[0].files:
        stored = run.stand.workspace.files[file["id"]]
        path = folder / stored.name
        await asyncio.to_thread(path.write_bytes, stored.data)
        saved.append(str(path))
    return sorted(saved)


def _block_ids(message: Any) -> tuple[str, ...]:
    return tuple(str(block.get("block_id", "")) for block in message.blocks or ())


async def _figures(run: Run, rollout: Rollout) -> dict[str, Any]:
    results = {(r.ref.kind, r.ref.name): r for r in rollout.results}
    if ("step", "load-test") not in results:
        raise Broken("the load test did not run")
    backup = results["backup", "app-db"]
    return {
        "checks": {r.ref.name: r.outcome.value for r in rollout.results if r.ref.kind == "check"},
        "backup": {name: backup.fact(name) for name in ("file", "size", "sha256")},
        "steps": {r.ref.name: r.summary for r in rollout.results if r.ref.kind == "step"},
        "load_test": results["step", "load-test"].value,
        "watch_lines": rollout.watch_lines,
        "signatures": len(rollout.report.signatures) if rollout.report else 0,
    }
