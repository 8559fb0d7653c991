"""Slack's refusals, translated once: retryable or final, each final one with its mend."""

from __future__ import annotations

from collections.abc import Awaitable, Iterator
from contextlib import contextmanager

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.engine.ports.errors import Final, Gone, Retryable

MENDS = {
    "invalid_auth": "the bot token is not valid: set SLACK_BOT_TOKEN to the app's Bot User OAuth Token",
    "not_authed": "no token reached Slack: set SLACK_BOT_TOKEN",
    "account_inactive": "the bot user was deactivated: reinstall the app and set the new SLACK_BOT_TOKEN",
    "token_revoked": "the token was revoked: reinstall the app and set the new SLACK_BOT_TOKEN",
    "token_expired": "the token has expired: switch token rotation off, reinstall and set the new SLACK_BOT_TOKEN",
    "not_allowed_token_type": "this is not a bot token: set SLACK_BOT_TOKEN to the Bot User OAuth Token (xoxb-…)",
    "channel_not_found": "there is no such channel, or it is private and the bot is not in it: "
    "correct `channel:` in the plan or /invite the bot",
    "not_in_channel": "the bot is not in the channel: /invite it",
    "is_archived": "the channel is archived: name another in the plan",
    "restricted_action": "who may post in the channel is restricted: let the app, or name another channel",
    "msg_too_long": "the message is too long for Slack",
    "invalid_blocks": "Slack refused the blocks of the message",
    "unknown_method": "this server does not have the method",
}
PASSING = frozenset(
    ("ratelimited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org")
)
GONE = frozenset(("message_not_found", "thread_not_found", "cant_update_message", "edit_window_closed"))
BLOCKS = frozenset(("invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"))
# A person can mend these while the bot runs: what waits for it is sent afterwards, not dropped (DESIGN §6.8).
MENDABLE = frozenset(
    (
        *("not_in_channel", "channel_not_found", "is_archived", "restricted_action", "missing_scope"),
        *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"),
    )
)
MEND_WAIT = 30.0  # seconds between looks whether it was mended
LACKING = frozenset(("unknown_method", "missing_scope", "not_allowed_token_type", "method_deprecated"))


class Refused(Final):
    """A Final of Slack's own; `code` is its word for it."""

    def __init__(self, code: str, mend: str) -> None:
        super().__init__(f"{code}: {mend}")
        self.code = code


@contextmanager
def until_mended(unless: str = "") -> Iterator[None]:
    """What somebody can mend is Retryable inside, with the mend in its text. unless: a code that stays Final."""
    try:
        yield
    except Refused as error:
        if error.code not in MENDABLE or error.code == unless:
            raise
        raise Retryable(str(error), MEND_WAIT) from error


async def call(request: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse:
    """The response. Raises Retryable, Gone or Refused, nothing else."""
    try:
        return await request
    except SlackApiError as error:
        raise translated(error) from error
    except (TimeoutError, aiohttp.ClientError, OSError, SlackClientError, ValueError) as error:
        raise Retryable(f"Slack cannot be reached: {error!r}") from error


def translated(error: SlackApiError) -> Retryable | Final:
    response = error.response
    # The library hands over aiohttp's own response where the body was no JSON.
    status = int(getattr(response, "status_code", 0) or getattr(response, "status", 0) or 0)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429 or code == "ratelimited":
        return Retryable("Slack asked to wait", _seconds(response.headers.get("Retry-After")))
    if not code or code in PASSING or status >= 500:
        return Retryable(f"Slack is not well: {code or f'HTTP {status} without an answer'}")
    if code in GONE:
        return Gone(f"{code}: the message cannot be changed any more")
    if code == "missing_scope" and isinstance(data, dict):
        needed = data.get("needed", "?")
        mend = f"add the scope {needed} to the app (config/slack-manifest.yaml) and reinstall it"
        return Refused(code, mend)
    return Refused(code, MENDS.get(code, "see the method in the API documentation of Slack"))


def _seconds(text: object) -> float:
    try:
        return max(1.0, float(str(text)))
    except ValueError:
        return 1.0
