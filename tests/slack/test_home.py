"""The app's home: who is on call, what fires, what is rolled out, as of when it was opened."""

from __future__ import annotations

import json
import time

from tests.alerts.kit import a_signal, observed
from tests.slack.conftest import CHEN, RELEASES, Edge


async def opened(edge: Edge) -> str:
    cursor = edge.ws.log.cursor
    await edge.server.person("chen").open_home()
    shown = await edge.ws.wait_for(lambda e: e["kind"] == "view.published" and e["user"] == CHEN, 30.0, cursor)
    return json.dumps(shown["view"], ensure_ascii=False)


async def test_it_shows_who_is_on_call_what_fires_and_what_runs(edge: Edge) -> None:
    first = await opened(edge)
    assert "On call" in first and ("<@U0LIN00001>" in first or "<@U0WANG0001>" in first)
    assert "Nothing fires" in first and "shop" in first
    await edge.alerts.submit(observed(a_signal(severity="critical", at=time.time())))
    assert "nobody is on it" in await opened(edge)


async def test_the_messages_tab_publishes_nothing(edge: Edge) -> None:
    await edge.server.person("chen").open_home("messages")
    await edge.server.person("chen").command("/rollout help", RELEASES)  # answered, so the event before it was too
    assert not [e for e in edge.ws.log.since(0) if e["kind"] == "view.published"]
