"""Several notifications to one recipient in one request, each with its own outcome."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import structlog

from bot.engine.ports.errors import Final, Retryable
from bot.notify.message import Channel, Notification

log = structlog.get_logger()
LINGER = 0.05  # seconds a batch that is not full waits for a request under way to end, at most
KEPT = 5_000  # keys remembered as not to be sent with others


class Apart(Exception):
    """A batch was refused, and one of it may be why: each goes alone from now on.

    later: what each is told, so that it comes again in its own time; None = each goes at once.
    """

    def __init__(self, what: str, later: Retryable | None = None) -> None:
        super().__init__(what)
        self.later = later


class ManyAtOnce(Channel, Protocol):
    """A channel that can take several. Beside what any channel raises: Apart, only where there were several."""

    async def send_many(self, to: str, notifications: Sequence[Notification]) -> None:
        """All of them, or none as far as is known. May come again with the same keys, and in other company."""
        ...


@dataclass(slots=True)
class Waiting:
    notification: Notification
    done: asyncio.Future[None]


@dataclass(slots=True)
class Queue:
    """Of one recipient. under_way: requests. timer: when what waits goes, whatever is under way."""

    waiting: deque[Waiting] = field(default_factory=deque)
    under_way: int = 0
    timer: asyncio.Handle | None = None


class Batches:
    """Channel over one that takes several. What is due at once travels together, `most` in one request.

    A full batch goes at once; what is less waits while another request to this recipient is under way, as TCP does it
    (Nagle): alone there is nothing to wait for, and in a storm every request is full.
    """

    def __init__(self, channel: ManyAtOnce, most: int) -> None:
        self._channel = channel
        self._most = most
        self._queues: dict[str, Queue] = {}
        self._alone: dict[str, None] = {}  # in the order they were refused
        self._requests: set[asyncio.Task[None]] = set()

    async def send(self, to: str, notification: Notification) -> str:
        """See Channel."""
        one = Waiting(notification, asyncio.get_running_loop().create_future())
        if notification.key in self._alone:
            self._begin(to, [one])
        else:
            queue = self._queues.setdefault(to, Queue())
            queue.waiting.append(one)
            if len(queue.waiting) >= self._most:
                self._go(to)
            elif queue.timer is None:  # what is due at once is here when this pass of the loop ends
                queue.timer = asyncio.get_running_loop().call_soon(self._look, to, False)
        await one.done
        self._alone.pop(notification.key, None)
        return ""

    def _look(self, to: str, lingered: bool) -> None:
        self._queues[to].timer = None
        self._go(to, lingered)

    def _go(self, to: str, lingered: bool = False) -> None:
        queue = self._queues[to]
        while len(queue.waiting) >= self._most or (queue.waiting and (lingered or not queue.under_way)):
            some = [queue.waiting.popleft() for _ in range(min(self._most, len(queue.waiting)))]
            self._begin(to, [one for one in some if not one.done.done()])  # the others were cancelled
        if queue.waiting:
            if queue.timer is None:
                queue.timer = asyncio.get_running_loop().call_later(LINGER, self._look, to, True)
            return
        if queue.timer is not None:  # whoever comes next must not wait for what is left of it
            queue.timer.cancel()
            queue.timer = None
        if not queue.under_way:
            del self._queues[to]

    def _begin(self, to: str, batch: list[Waiting]) -> None:
        if batch:
            self._queues.setdefault(to, Queue()).under_way += 1
            request = asyncio.create_task(self._request(to, batch), name=f"{len(batch)} notifications to {to}")
            self._requests.add(request)
            request.add_done_callback(lambda task: self._ended(to, task))

    def _ended(self, to: str, request: asyncio.Task[None]) -> None:
        self._requests.discard(request)
        self._queues[to].under_way -= 1
        self._go(to)

    async def _request(self, to: str, batch: list[Waiting]) -> None:
        try:
            await self._channel.send_many(to, [one.notification for one in batch])
            _settle(batch, None)
        except Apart as apart:
            self._part(to, batch, apart)
        except asyncio.CancelledError:
            _settle(batch, Retryable("the request was cut off: the bot is stopping"))
            raise
        except Exception as error:
            _settle(batch, error)

    def _part(self, to: str, batch: list[Waiting], apart: Apart) -> None:
        log.warning("a batch was refused; each goes alone", to=to, count=len(batch), error=str(apart))
        self._alone |= dict.fromkeys(one.notification.key for one in batch)
        while len(self._alone) > KEPT:
            del self._alone[next(iter(self._alone))]
        if apart.later:
            _settle(batch, apart.later)
            return
        for one in batch:
            if not one.done.done():
                self._begin(to, [one])

    async def check(self) -> str:
        return await self._channel.check()

    async def aclose(self) -> None:
        for request in self._requests:
            request.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)
        await self._channel.aclose()


def _settle(batch: Sequence[Waiting], error: Exception | None) -> None:
    for one in batch:
        if one.done.done():
            continue  # whoever waited was cancelled
        if error is None:
            one.done.set_result(None)
        else:
            one.done.set_exception(_own(error))


def _own(error: Exception) -> Exception:
    """Each waiter raises one of its own: a shared one would gather the tracebacks of all."""
    match error:
        case Retryable():
            return Retryable(str(error), error.after)
        case Final():
            return Final(str(error))
    return error
