"""Acting as one person of the workspace: what a client of Slack would let them do."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack import posting, reacting, viewing
from bot.sandbox.slack.answering import answer
from bot.sandbox.slack.delivery import payloads
from bot.sandbox.slack.delivery.deliverer import Ack, Deliverer, Delivery
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.forms import Form
from bot.sandbox.slack.models import Channel, Json, Message
from bot.sandbox.slack.posting import Draft
from bot.sandbox.slack.workspace import Workspace, texts_of


@dataclass
class Outcome:
    """What came of a command, a click or a submitted view.

    `ok` is False when the app did not take it; `error` then is what Slack would show (`operation_timeout`,
    `dispatch_failed`) or the app's own refusal of a view (`errors`: block id -> sentence).
    `private` holds the ephemeral messages this person saw meanwhile, `public` what was posted, `views` what opened.
    """

    ok: bool
    error: str = ""
    private: list[Json] = field(default_factory=list)
    public: list[Json] = field(default_factory=list)
    views: list[Json] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All that was said privately, readable strings joined by newlines."""
        return "\n".join(text for message in self.private for text in texts_of(message))

    def to_json(self) -> Json:
        return dict(vars(self)) | {"text": self.text}


class Person:
    """One person. Every method raises SlackError for what Slack's client would not allow."""

    def __init__(self, ws: Workspace, deliverer: Deliverer, user_id: str) -> None:
        self._ws = ws
        self._deliverer = deliverer
        self.id = user_id

    def _channel(self, ref: str, *, join: bool = True) -> Channel:
        user = self._ws.user(self.id)
        if user.deleted:
            raise SlackError("account_inactive")
        channel = self._ws.channel(ref, reader=self.id)
        if join and self.id not in channel.members:
            raise SlackError("not_in_channel")
        return channel

    def _message(self, channel: str, ts: str) -> Message:
        place = self._channel(channel)
        found = place.messages.get(ts) or next(
            (m for m in place.ephemeral if m.ts == ts and m.visible_to == self.id), None
        )
        if found is None:
            raise SlackError("message_not_found")
        return found

    async def post(self, channel: str, text: str, *, thread_ts: str | None = None, broadcast: bool = False) -> Message:
        draft = Draft(text=posting.escape(text), thread_ts=thread_ts, broadcast=broadcast)
        if not draft.text.strip():
            raise SlackError("no_text")
        return posting.post(self._ws, self._channel(channel), self.id, draft)

    async def delete(self, channel: str, ts: str) -> None:
        message = self._message(channel, ts)
        if message.user != self.id:
            raise SlackError("cant_delete_message")
        posting.delete(self._ws, message)

    async def react(self, channel: str, ts: str, name: str) -> None:
        message = self._message(channel, ts)
        if message.visible_to is not None:
            raise SlackError("message_not_found")
        reacting.add(self._ws, message, self.id, name.strip(":"))

    async def unreact(self, channel: str, ts: str, name: str) -> None:
        reacting.remove(self._ws, self._message(channel, ts), self.id, name.strip(":"))

    async def command(self, line: str, channel: str, *, wait: float = 2.0) -> Outcome:
        """Type a slash command (`/rollout status`).

        Returns once the app has acked and something came of it, or `wait` seconds after the ack when nothing did.
        Raises SlackError unknown_command for one the app has not registered.
        """
        name, _, text = line.strip().partition(" ")
        place = self._channel(channel, join=False)
        if name not in self._ws.app.commands:
            raise SlackError("unknown_command")
        cursor = self._ws.log.cursor
        key = self._ws.response_urls.issue(place.id, self.id)
        url = self._ws.response_url(key)
        body = payloads.slash_command(self._ws, self.id, place, name, posting.escape(text.strip()), url)
        self._ws.log.append("command.sent", user=self.id, channel=place.id, command=name, text=text.strip())
        ack = await self._deliverer.submit(Delivery("slash_commands", body, accepts_response=True, name=name))
        error = _failure(ack)
        if ack.ok and ack.payload:
            try:
                answer(self._ws, self._ws.response_urls.known(key), ack.payload)
            except SlackError as refused:
                error = refused.code
        if not error and wait > 0:
            await self._something(place.id, cursor, wait)
        return self._outcome(error, place.id, cursor)

    async def click(
        self,
        channel: str,
        ts: str,
        action_id: str,
        *,
        value: Any = None,
        confirmed: bool = False,
        block_id: str | None = None,
        wait: float = 0.0,
    ) -> Outcome:
        """Press a button of a message, or choose `value` in a menu.

        Raises SlackError action_not_found, or confirmation_required (with the dialog) unless `confirmed`.
        """
        message = self._message(channel, ts)
        block, element = _find(message.blocks, action_id, block_id, value)
        if element.get("confirm") and not confirmed:
            raise SlackError("confirmation_required", confirm=element["confirm"])
        cursor = self._ws.log.cursor
        key = self._ws.response_urls.issue(message.channel, self.id, message_ts=ts, thread_ts=message.thread_ts)
        action = payloads.action_of(self._ws, block, element, value)
        body = payloads.message_action(self._ws, self.id, message, action, self._ws.response_url(key, "actions"))
        self._ws.log.append("action.sent", user=self.id, channel=message.channel, ts=ts, action_id=action_id)
        ack = await self._deliverer.submit(Delivery("interactive", body, name=action_id))
        if ack.ok and wait > 0:
            await self._something(message.channel, cursor, wait)
        return self._outcome(_failure(ack), message.channel, cursor)

    async def click_view(self, view_id: str, action_id: str, *, value: Any = None, confirmed: bool = False) -> Outcome:
        """The same for an element of a modal or of the app home."""
        view = self._form().view(view_id)
        block, element = _find(view.body["blocks"], action_id, None)
        if element.get("confirm") and not confirmed:
            raise SlackError("confirmation_required", confirm=element["confirm"])
        cursor = self._ws.log.cursor
        body = payloads.view_action(self._ws, self.id, view, payloads.action_of(self._ws, block, element, value))
        ack = await self._deliverer.submit(Delivery("interactive", body, name=action_id))
        return self._outcome(_failure(ack), None, cursor)

    async def submit(self, view_id: str, values: dict[str, dict[str, Any]] | None = None) -> Outcome:
        """Submit a modal. `values`: block id -> action id -> what was typed or chosen. Raises missing_input."""
        form = self._form()
        view = form.fill(view_id, values or {})
        cursor = self._ws.log.cursor
        body = payloads.view_submission(self._ws, self.id, view)
        name = str(view.body.get("callback_id", ""))
        ack = await self._deliverer.submit(Delivery("interactive", body, accepts_response=True, name=name))
        errors = form.answered(view, ack.payload or {}) if ack.ok else {}
        outcome = self._outcome(_failure(ack) or ("view_errors" if errors else ""), None, cursor)
        outcome.errors = errors
        return outcome

    async def close_view(self, view_id: str) -> Outcome:
        """Cancel a modal; the app hears of it only if the view has `notify_on_close`."""
        view = self._form().view(view_id)
        cursor = self._ws.log.cursor
        viewing.close(self._ws, view, whole_stack=False)
        if not view.body.get("notify_on_close"):
            return self._outcome("", None, cursor)
        body = payloads.view_closed(self._ws, self.id, view, cleared=False)
        ack = await self._deliverer.submit(Delivery("interactive", body, name=str(view.body.get("callback_id", ""))))
        return self._outcome(_failure(ack), None, cursor)

    async def open_home(self, tab: str = "home") -> None:
        """Open the app's home; what it publishes is logged as view.published."""
        channel = self._ws.direct_channel(self.id)
        event: Json = {"type": "app_home_opened", "user": self.id, "channel": channel.id, "tab": tab}
        view = self._ws.views.get(self._ws.homes.get(self.id, ""))
        if view is not None:
            event["view"] = viewing.to_slack(self._ws, view)
        self._ws.emit(event | {"event_ts": self._ws.next_ts()})

    def sees(self, channel: str) -> list[Json]:
        """All messages of a channel as this person sees them, own ephemeral ones (`is_ephemeral`) among them."""
        place = self._channel(channel, join=False)
        return [shown(message) for message in self._ws.messages(place.id, viewer=self.id)]

    def _form(self) -> Form:
        return Form(self._ws, self.id)

    async def _something(self, channel: str, cursor: int, wait: float) -> None:
        def mine(entry: dict[str, Any]) -> bool:
            if entry["kind"] == "message.ephemeral":
                return (entry["channel"], entry["user"]) == (channel, self.id)
            if entry["kind"] in ("message.posted", "message.updated"):
                return entry["channel"] == channel and bool(entry["by_bot"])
            return (entry["kind"], entry.get("user")) == ("view.opened", self.id)

        try:
            await self._ws.wait_for(mine, timeout=wait, since=cursor)
        except TimeoutError:
            await asyncio.sleep(0)

    def _outcome(self, error: str, channel: str | None, cursor: int) -> Outcome:
        outcome = Outcome(not error, error)
        for entry in self._ws.log.since(cursor):
            if entry["kind"] == "message.ephemeral" and entry["user"] == self.id:
                outcome.private.append(entry["message"])
            elif entry["kind"] == "message.posted" and entry["channel"] == channel:
                outcome.public.append(entry["message"])
            elif entry["kind"] in ("view.opened", "view.pushed", "view.updated") and entry["user"] == self.id:
                outcome.views.append(entry["view"])
        return outcome


def shown(message: Message) -> Json:
    body = message.to_slack() | {"channel": message.channel}
    return body | {"is_ephemeral": True} if message.visible_to else body


def _failure(ack: Ack) -> str:
    if ack.ok:
        return ""
    return "operation_timeout" if ack.error in ("timeout", "http_timeout") else "dispatch_failed"


def _find(blocks: list[Json], action_id: str, block_id: str | None, value: Any = None) -> tuple[Json, Json]:
    """An update gives the blocks new ids: where `block_id` is gone, what a person saw a moment ago is still meant, as
    long as it says the same `value`."""
    found = [
        (block, element)
        for block in blocks
        for element in [*block.get("elements", []), block.get("accessory"), block.get("element")]
        if isinstance(element, dict) and element.get("action_id") == action_id
    ]
    if block_id is not None:
        exact = [pair for pair in found if pair[0]["block_id"] == block_id]
        found = exact or [pair for pair in found if pair[1].get("value", value) == value]
    if not found:
        raise SlackError("action_not_found")
    return found[0]
