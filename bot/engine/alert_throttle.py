"""How much reaches one recipient at once. What is held back stays in the outbox until a digest has told of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from bot.engine.ports.errors import Retryable
from bot.notify.digest import Language, digest_notification
from bot.notify.limiter import Allowed, Recipient, digest_due, fresh, offer, release
from bot.notify.message import Notification
from config.channels import LimitSettings

IN_DIGEST = "in a digest"
KEPT = 5_000  # keys told in digests that are remembered; each is asked for once more, when its effect comes again

Send = Callable[[Notification], Awaitable[str]]


class Held(Retryable):
    """Too much for this recipient just now: it comes again when a digest may go."""


@dataclass(slots=True)
class Queue:
    recipient: Recipient
    waiting: set[str] = field(default_factory=set)
    told: dict[str, None] = field(default_factory=dict)  # in the order they were told


class Throttle:
    """In memory: after a restart what was held back is offered anew, so that nothing is lost, at worst told singly.

    language, timezone: of the digests.
    """

    def __init__(self, limit: LimitSettings, language: Language, timezone: str) -> None:
        self._limit = limit
        self._language = language
        self._timezone = timezone
        self._queues: dict[tuple[str, str], Queue] = {}

    async def send(self, channel: str, to: str, notification: Notification, now: float, send: Send) -> str:
        """What the provider calls it, or that a digest told of it. Raises Held, and what `send` raises."""
        queue = self._queues.setdefault((channel, to), Queue(fresh(self._limit, now)))
        key = notification.key
        if key in queue.told:
            del queue.told[key]
            return IN_DIGEST
        if key not in queue.waiting:
            before = queue.recipient
            queue.recipient, answer = offer(before, self._limit, notification, now)
            if isinstance(answer, Allowed):
                try:
                    return await send(notification)
                except BaseException:
                    queue.recipient = before  # what did not arrive costs nothing
                    raise
            queue.waiting.add(key)
            raise Held(f"{to} was sent much already; a digest will tell of it", answer.digest_at - now)
        return await self._digest(queue, key, to, now, send)

    async def _digest(self, queue: Queue, key: str, to: str, now: float, send: Send) -> str:
        before = queue.recipient
        queue.recipient, digest = release(before, self._limit, now)
        if digest is None:
            due = digest_due(queue.recipient, self._limit, now)
            raise Held(f"{to} was sent much already; a digest will tell of it", max(0.1, (due or now + 1.0) - now))
        covered, queue.waiting = queue.waiting, set()
        try:
            await send(digest_notification(digest, self._language, self._timezone))
        except BaseException:
            queue.recipient, queue.waiting = before, covered | queue.waiting
            raise
        queue.told |= dict.fromkeys(covered - {key})
        while len(queue.told) > KEPT:
            del queue.told[next(iter(queue.told))]
        return IN_DIGEST
