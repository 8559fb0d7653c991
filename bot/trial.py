"""The channels tried from a shell: `check --live` and `notify`."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from bot.engine.ports.errors import Final, Retryable
from bot.notify.channels import build_channels
from bot.notify.message import Channel, Notification
from bot.slack.chat import SlackChat, new_client
from config.channels import SlackChannelSettings
from config.problems import suggest
from config.settings import Settings


async def check_channels(settings: Settings) -> dict[str, str]:
    """By name what is wrong with each channel, with the mend; "" = ready. All at once; nobody is sent anything."""
    async with _channels(settings) as channels:
        sentences = await asyncio.gather(*(channel.check() for channel in channels.values()))
    return dict(zip(channels, sentences, strict=True))


async def send_test(settings: Settings, name: str, to: str, text: str) -> tuple[bool, str]:
    """(whether it was sent, what to print)."""
    async with _channels(settings) as channels:
        if name not in channels:
            return False, f"there is no channel `{name}` in channels.yaml: {suggest(name, channels)}"
        notification = Notification(
            key=f"test:{name}:{time.time_ns()}",
            severity="info",
            subject=f"[rollout-bot] {text}",
            text=text,
            html="",
            short=f"[rollout-bot] {text}",
        )
        try:
            receipt = await channels[name].send(to, notification)
        except (Retryable, Final) as error:
            return False, f"not sent: {error}"
    return True, f"sent to {to} by {name}" + (f": {receipt}" if receipt else "")


@contextlib.asynccontextmanager
async def _channels(settings: Settings) -> AsyncIterator[dict[str, Channel]]:
    chat = await _chat(settings)
    channels = build_channels(settings.channels.channels, chat)
    try:
        yield channels
    finally:
        for channel in channels.values():
            await channel.aclose()


async def _chat(settings: Settings) -> SlackChat | None:
    token = settings.slack.bot_token
    wanted = any(isinstance(one, SlackChannelSettings) for one in settings.channels.channels.values())
    if token is None or not wanted:
        return None
    chat = SlackChat(new_client(token.reveal(), settings.slack.api_url))
    with contextlib.suppress(Retryable, Final):  # the channel's own check says that it was not checked
        await chat.check_token()
    return chat
