"""Block Kit's limits: one over each is refused and names its place, the limit itself is taken."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import PEOPLE, SlackError, Workspace
from bot.sandbox.slack.blocks import check_blocks, check_view, refuse_bad_blocks

from .conftest import RELEASES, refusal

Json = dict[str, Any]


def plain(size: int) -> Json:
    return {"type": "plain_text", "text": "x" * size}


def mrkdwn(size: int) -> Json:
    return {"type": "mrkdwn", "text": "x" * size}


def button(**changes: Any) -> Json:
    return {"type": "button", "text": plain(3), "action_id": "a"} | changes


def confirm(**changes: Any) -> Json:
    dialog = {"title": plain(1), "text": mrkdwn(1), "confirm": plain(1), "deny": plain(1)}
    return {"type": "actions", "elements": [button(confirm=dialog | changes)]}


def actions(*elements: Json) -> Json:
    return {"type": "actions", "elements": list(elements)}


def menu(count: int, *, text: int = 1, value: int = 1) -> Json:
    options = [{"text": plain(text), "value": f"{n:0{value}}"} for n in range(count)]
    return actions({"type": "static_select", "options": options})


def table(rows: int, cells: int, size: int = 1) -> Json:
    return {"type": "table", "rows": [[{"type": "raw_text", "text": "x" * size}] * cells] * rows}


def section(**fields: Any) -> Json:
    return {"type": "section", **fields}


CASES: list[tuple[str, Json, Json, str]] = [
    ("section text", section(text=mrkdwn(3000)), section(text=mrkdwn(3001)), "/blocks/0/text/text"),
    ("section fields", section(fields=[mrkdwn(1)] * 10), section(fields=[mrkdwn(1)] * 11), "/blocks/0/fields"),
    ("field text", section(fields=[mrkdwn(2000)]), section(fields=[mrkdwn(2001)]), "/blocks/0/fields/0/text"),
    ("header", {"type": "header", "text": plain(150)}, {"type": "header", "text": plain(151)}, "/blocks/0/text/text"),
    (
        "context",
        {"type": "context", "elements": [mrkdwn(1)] * 10},
        {"type": "context", "elements": [mrkdwn(1)] * 11},
        "/blocks/0/elements",
    ),
    (
        "actions",
        actions(*(button(action_id=f"a{n}") for n in range(25))),
        actions(*(button(action_id=f"a{n}") for n in range(26))),
        "/blocks/0/elements",
    ),
    ("button text", actions(button(text=plain(75))), actions(button(text=plain(76))), "/elements/0/text/text"),
    ("button value", actions(button(value="x" * 2000)), actions(button(value="x" * 2001)), "/elements/0/value"),
    ("button url", actions(button(url="x" * 3000)), actions(button(url="x" * 3001)), "/elements/0/url"),
    ("button style", actions(button(style="danger")), actions(button(style="green")), "/elements/0/style"),
    ("action_id", actions(button(action_id="x" * 255)), actions(button(action_id="x" * 256)), "/elements/0/action_id"),
    ("same action_id", actions(button()), actions(button(), button()), "/blocks/0/elements/1/action_id"),
    ("block_id", section(text=plain(1), block_id="x" * 255), section(text=plain(1), block_id="x" * 256), "/block_id"),
    ("confirm title", confirm(title=plain(100)), confirm(title=plain(101)), "/confirm/title/text"),
    ("confirm text", confirm(text=mrkdwn(300)), confirm(text=mrkdwn(301)), "/confirm/text/text"),
    ("confirm yes", confirm(confirm=plain(30)), confirm(confirm=plain(31)), "/confirm/confirm/text"),
    ("confirm no", confirm(deny=plain(30)), confirm(deny=plain(31)), "/confirm/deny/text"),
    ("options", menu(100), menu(101), "/elements/0/options"),
    ("option text", menu(1, text=75), menu(1, text=76), "/options/0/text/text"),
    ("option value", menu(1, value=150), menu(1, value=151), "/options/0/value"),
    ("table rows", table(100, 2), table(101, 2), "/blocks/0/rows"),
    ("table cells", table(2, 20), table(2, 21), "/blocks/0/rows/0"),
    ("header kind", {"type": "header", "text": plain(1)}, {"type": "header", "text": mrkdwn(1)}, "/text/type"),
    ("button kind", actions(button()), actions(button(text=mrkdwn(1))), "/elements/0/text/type"),
    ("empty text", section(text=plain(1)), section(text=plain(0)), "/blocks/0/text/text"),
    ("nothing in it", section(text=plain(1)), section(), "/blocks/0"),
    ("unknown field", {"type": "divider"}, {"type": "divider", "color": "red"}, "/blocks/0"),
    ("unknown block", {"type": "divider"}, {"type": "marquee"}, "/blocks/0/type"),
    ("unknown element", actions(button()), actions({"type": "lever"}), "/blocks/0/elements/0/type"),
    ("no type", {"type": "divider"}, {"text": "x"}, "/blocks/0/type"),
    ("markdown", {"type": "markdown", "text": "x" * 12_000}, {"type": "markdown", "text": "x" * 12_001}, "/0/text"),
]


@pytest.mark.parametrize(("good", "bad", "place"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_limits(good: Json, bad: Json, place: str) -> None:
    assert check_blocks([good]) == []
    problems = check_blocks([bad])
    assert any(f"{place}]" in problem for problem in problems), problems


def test_a_message_has_at_most_50_blocks_with_different_ids() -> None:
    assert check_blocks([{"type": "divider"}] * 50) == []
    assert check_blocks([{"type": "divider"}] * 51) == ["no more than 50 items allowed [json-pointer:/blocks]"]
    twice = [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}]
    assert "/blocks/1/block_id" in check_blocks(twice)[0]


def test_a_message_has_a_total_size_and_one_table() -> None:
    refuse_bad_blocks([{"type": "section", "text": mrkdwn(3000)}] * 4)
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        refuse_bad_blocks([{"type": "section", "text": mrkdwn(3000)}] * 5)
    refuse_bad_blocks([table(10, 10, 100)])
    with pytest.raises(SlackError, match="msg_blocks_too_long"):
        refuse_bad_blocks([table(10, 10, 101)])
    with pytest.raises(SlackError, match="invalid_attachments"):
        refuse_bad_blocks([table(1, 1), table(1, 1)])


def modal(**changes: Any) -> Json:
    return {"type": "modal", "title": plain(24), "blocks": [{"type": "divider"}]} | changes


@pytest.mark.parametrize(
    ("bad", "place"),
    [
        (modal(title=plain(25)), "/view/title/text"),
        (modal(submit=plain(25)), "/view/submit/text"),
        (modal(close=plain(25)), "/view/close/text"),
        (modal(blocks=[{"type": "divider"}] * 101), "/view/blocks"),
        (modal(private_metadata="x" * 3001), "/view/private_metadata"),
        (modal(blocks=[table(1, 1)]), "/view/blocks/0/type"),
        ({"type": "modal", "blocks": []}, "/view"),
        ({"type": "home", "blocks": []}, "/view/type"),
    ],
)
def test_view_limits(bad: Json, place: str) -> None:
    check_view(modal(submit=plain(24), close=plain(24), blocks=[{"type": "divider"}] * 100), kind="modal")
    with pytest.raises(SlackError) as caught:
        check_view(bad, kind="modal")
    assert caught.value.code == "invalid_arguments"
    assert any(f"{place}]" in message for message in caught.value.extra["errors"])


async def test_the_answer_names_the_place(client: AsyncWebClient, ws: Workspace) -> None:
    response = await refusal(client.chat_postMessage(channel=RELEASES, text="x", blocks=[{"type": "header"}]))
    assert response["error"] == "invalid_blocks"
    assert response["response_metadata"]["messages"] == [
        "[ERROR] missing required field: text [json-pointer:/blocks/0]"
    ]
    view = modal(title=plain(25))
    response = await refusal(client.views_open(trigger_id=ws.trigger_of(PEOPLE["lin"]), view=view))
    assert response["error"] == "invalid_arguments"
    attachment = {"blocks": [{"type": "marquee"}]}
    response = await refusal(client.chat_postMessage(channel=RELEASES, text="x", attachments=[attachment]))
    assert response["error"] == "invalid_blocks"
    assert (await client.chat_postMessage(channel=RELEASES, text="x", attachments=[{"text": "fine"}]))["ok"]
