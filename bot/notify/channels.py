"""The configured channels, built."""

from __future__ import annotations

from collections.abc import Mapping

from bot.engine.ports.chat import Chat
from bot.notify.apprise import AppriseChannel
from bot.notify.batches import Batches
from bot.notify.gateway import GatewayChannel
from bot.notify.mail import MailChannel
from bot.notify.message import Channel
from bot.notify.slack import SlackChannel
from bot.notify.unset import UnsetChannel
from bot.notify.webhook import WebhookChannel
from config.channels import (
    AppriseSettings,
    ChannelSettings,
    GatewaySettings,
    MailSettings,
    SlackChannelSettings,
    WebhookSettings,
)


def build_channels(settings: Mapping[str, ChannelSettings], chat: Chat | None) -> dict[str, Channel]:
    """By name. chat: None where Slack is not configured. Each is closed by whoever built it; nothing connects yet."""
    return {name: _channel(one, chat) for name, one in settings.items()}


def _channel(settings: ChannelSettings, chat: Chat | None) -> Channel:
    if settings.missing:
        return UnsetChannel(settings.name, settings.missing)
    match settings:
        case MailSettings():
            return MailChannel(settings)
        case GatewaySettings():
            return GatewayChannel(settings)
        case AppriseSettings():
            return AppriseChannel(settings)
        case WebhookSettings():
            channel = WebhookChannel(settings)
            return Batches(channel, settings.batch) if settings.batch > 1 else channel
        case SlackChannelSettings():
            return SlackChannel(settings.name, chat) if chat else UnsetChannel(settings.name, ("SLACK_BOT_TOKEN",))
