"""The bot's home in Slack: where everything is, for whoever opens it."""

from __future__ import annotations

from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports import Final, Outgoing
from bot.slack.errors import call

log = structlog.get_logger()


async def publish(client: AsyncWebClient, user: str, message: Outgoing) -> None:
    """Raises Retryable. A server that has no homes, or takes no such blocks, is let go: the command says the same."""
    blocks: list[Any] = list(message.blocks) or [{"type": "section", "text": {"type": "mrkdwn", "text": message.text}}]
    try:
        await call(client.views_publish(user_id=user, view={"type": "home", "blocks": blocks}))
    except Final as error:
        log.warning("the bot's home could not be shown", user=user, error=str(error))
