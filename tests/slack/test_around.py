"""What people press and mark around the traffic: the checklist, the signatures, the notes."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.engine.ports.rendered import Outgoing
from bot.rollout.effects import PublishReport, ReadSignatures
from bot.rollout.events import NoteAdded
from bot.rollout.runbook import ChecklistItem, ReportRule, Runbook
from bot.sandbox.slack import Workspace
from tests.engine.conftest import a_plan
from tests.slack.conftest import CHEN, LIN, RELEASES, WANG, Edge

BOOK = Runbook(
    checklist=(ChecklistItem("config", "Production configuration", "managers"), ChecklistItem("log", "Logs", CHEN)),
    report=ReportRule(),
)


@pytest.fixture
async def edge(ws: Workspace) -> AsyncIterator[Edge]:
    edge = Edge(ws, "socket", patience=0.3, plan=a_plan(runbook=BOOK))
    await edge.start()
    yield edge
    await edge.stop()


async def begun(edge: Edge) -> tuple[str, str]:
    """The ts of the card, and of the message with the checklist."""
    outcome = await edge.server.person("lin").command("/rollout start shop 2.0.0", RELEASES)
    assert outcome.ok, outcome
    rollout = await edge.rollout()
    card = await edge.say(f"card:{rollout.id}", edge.words.card(rollout, edge.plan, None, edge.desk.now()))
    shown = edge.words.preparation(rollout, edge.plan, edge.desk.now())
    return card, await edge.say(f"preparation:{rollout.id}", shown)


async def ticked(edge: Edge) -> list[str]:
    return [tick.item for tick in (await edge.rollout()).ticks]


async def test_an_item_is_ticked_by_its_owner_and_taken_back(edge: Edge) -> None:
    _, message = await begun(edge)
    done = await edge.server.person("wang").click(RELEASES, message, "checklist.done", wait=2)
    assert "Production configuration is ticked" in done.text
    assert await ticked(edge) == ["config"]
    rollout = await edge.rollout()
    await edge.chat.update(RELEASES, message, edge.words.preparation(rollout, edge.plan, edge.desk.now()))
    undone = await edge.server.person("wang").click(RELEASES, message, "checklist.undo", wait=2)
    assert "open again" in undone.text
    assert await ticked(edge) == []


async def test_somebody_else_is_told_whose_it_is(edge: Edge) -> None:
    _, message = await begun(edge)
    outcome = await edge.server.person("chen").click(RELEASES, message, "checklist.done", wait=2)
    assert "ticked by its owner" in outcome.text and "managers" in outcome.text
    assert await ticked(edge) == []


async def test_a_checklist_of_an_earlier_rollout_ticks_nothing(edge: Edge) -> None:
    _, message = await begun(edge)
    await edge.server.person("lin").command("/rollout rollback", RELEASES)
    await edge.server.person("lin").command("/rollout start shop 3.0.0", RELEASES)
    outcome = await edge.server.person("wang").click(RELEASES, message, "checklist.done", wait=2)
    assert "earlier rollout" in outcome.text
    assert await ticked(edge) == []


async def test_a_reaction_under_the_report_has_its_signatures_read(edge: Edge) -> None:
    await begun(edge)
    rollout = await edge.rollout()
    ts = await edge.say(f"signoff:{rollout.id}:2", Outgoing("sign"))
    await edge.server.person("wang").react(RELEASES, ts, "white_check_mark")
    await edge.server.person("wang").unreact(RELEASES, ts, "white_check_mark")
    await edge.acked("reaction_removed")
    reads = [c.effect for c in await edge.store.pending() if isinstance(c.effect, ReadSignatures)]
    assert [(r.rollout, r.edition, r.user) for r in reads] == [(rollout.id, 2, WANG), (rollout.id, 2, "")]


async def notes(edge: Edge) -> list[NoteAdded]:
    return [e for _, e in await edge.store.events("shop") if isinstance(e, NoteAdded)]


async def test_a_marked_message_of_the_thread_becomes_a_note_once(edge: Edge) -> None:
    card, _ = await begun(edge)
    said = await edge.server.person("chen").post(RELEASES, "customers see <b> & nothing odd", thread_ts=card)
    await edge.server.person("wang").react(RELEASES, said.ts, "memo")
    await edge.server.person("lin").react(RELEASES, said.ts, "memo")
    await edge.acked("reaction_added", 2)
    (note,) = await notes(edge)
    assert (note.by, note.text) == (CHEN, "customers see <b> & nothing odd")


@pytest.mark.parametrize(
    ("written", "kind", "text"),
    [
        ("good: no page at night", "good", "no page at night"),
        ("坏：扩容太慢", "bad", "扩容太慢"),
        ("反馈: 报告更快了", "feedback", "报告更快了"),
        ("goods: two crates", "", "goods: two crates"),
    ],
)
async def test_a_marked_message_is_filed_as_a_typed_note_is(edge: Edge, written: str, kind: str, text: str) -> None:
    card, _ = await begun(edge)
    said = await edge.server.person("chen").post(RELEASES, written, thread_ts=card)
    await edge.server.person("wang").react(RELEASES, said.ts, "memo")
    await edge.acked("reaction_added")
    (note,) = await notes(edge)
    assert (note.kind, note.text) == (kind, text)


@pytest.mark.parametrize("where", ["elsewhere", "the bot's own", "another emoji"])
async def test_nothing_else_becomes_a_note(edge: Edge, where: str) -> None:
    card, checklist = await begun(edge)
    thread = None if where == "elsewhere" else card
    said = await edge.server.person("chen").post(RELEASES, "lunch?", thread_ts=thread)
    ts = checklist if where == "the bot's own" else said.ts
    await edge.server.person("wang").react(RELEASES, ts, "tada" if where == "another emoji" else "memo")
    await edge.acked("reaction_added")
    assert await notes(edge) == []


async def test_where_slack_is_away_the_mark_comes_again(edge: Edge) -> None:
    edge.ws.timing.ack = 1.0
    card, _ = await begun(edge)
    said = await edge.server.person("chen").post(RELEASES, "slow just now", thread_ts=card)
    edge.ws.faults.rate_limit("conversations.replies", times=1)
    await edge.server.person("wang").react(RELEASES, said.ts, "memo")
    await edge.ws.wait_for(lambda e: e["kind"] == "delivery.acked" and e["name"] == "reaction_added")
    assert [n.text for n in await notes(edge)] == ["slow just now"]


async def test_a_draft_of_the_report_is_ordered_once_a_line(edge: Edge) -> None:
    await begun(edge)
    edge.ws.faults.repeat = True
    outcome = await edge.server.person("chen").command("/rollout report", RELEASES)
    assert "draft" in outcome.text
    await edge.acked("/rollout", 2)
    (effect,) = [c.effect for c in await edge.store.pending() if isinstance(c.effect, PublishReport)]
    assert effect.edition == 0 and effect.serial


async def test_a_follow_up_with_its_owner_as_slack_sends_it(edge: Edge) -> None:
    await begun(edge)
    outcome = await edge.server.person("lin").command(
        f"/rollout followup add index the table <@{WANG}|wang> +3d P1", RELEASES
    )
    assert "F1" in outcome.text
    (follow_up,) = (await edge.rollout()).follow_ups
    assert (follow_up.text, follow_up.owner, follow_up.priority) == ("index the table", WANG, "P1")
    assert follow_up.by == LIN
