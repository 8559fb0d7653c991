"""Every kind of channel is built, and one without its secret says so."""

from __future__ import annotations

import dataclasses

import pytest

from bot.engine.ports.errors import Final
from bot.notify.apprise import AppriseChannel
from bot.notify.channels import build_channels
from bot.notify.gateway import GatewayChannel
from bot.notify.mail import MailChannel
from bot.notify.message import clean
from bot.notify.slack import SlackChannel
from bot.notify.webhook import WebhookChannel
from bot.slack.chat import SlackChat, new_client
from config.channels import HOLES, AppriseSettings, ChannelSettings, GatewaySettings, SlackChannelSettings
from config.channels import WebhookSettings as Webhook
from config.secret import Secret
from config.template import parse_template
from tests.notify.conftest import HOST, Post, a_notification, mail_settings

SETTINGS: dict[str, ChannelSettings] = {
    "mail": mail_settings(Post(port=25)),
    "sms": GatewaySettings("sms", parse_template(f"http://{HOST}:1/${{to}}", HOLES), body='"${short}"'),
    "phone": AppriseSettings("phone", Secret("json://localhost")),
    "chat": SlackChannelSettings("chat"),
    "pager": Webhook("pager", Secret(f"http://{HOST}:1/"), Secret("0123456789abcdef")),
}


async def test_one_of_each() -> None:
    channels = build_channels(SETTINGS, SlackChat(new_client("xoxb-1", f"http://{HOST}:1/")))
    assert {name: type(channel) for name, channel in channels.items()} == {
        "mail": MailChannel, "sms": GatewayChannel, "phone": AppriseChannel, "chat": SlackChannel,
        "pager": WebhookChannel,
    }  # fmt: skip
    for channel in channels.values():
        await channel.aclose()


@pytest.mark.parametrize("name", SETTINGS)
async def test_what_is_not_set_says_so(name: str) -> None:
    settings = SETTINGS[name]
    if name != "chat":
        settings = dataclasses.replace(settings, missing=("A_URL", "A_KEY"))
    channel = build_channels({name: settings}, None)[name]
    mend = "set SLACK_BOT_TOKEN" if name == "chat" else "set A_URL and A_KEY in the environment"
    assert mend in await channel.check()
    with pytest.raises(Final, match=mend):
        await channel.send("lin", a_notification())
    await channel.aclose()


def test_a_notification_is_made_fit_for_every_channel() -> None:
    cleaned = clean(a_notification(subject="a\r\nb\x00 c", text="x\r\ny\ud800\x1b[1m\tz", short="\x07"))
    assert (cleaned.subject, cleaned.text, cleaned.short) == ("a b\ufffd c", "x\ny?\ufffd[1m\tz", "\ufffd")
    assert clean(cleaned) == cleaned
