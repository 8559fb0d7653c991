"""Work that has to be committed within Slack's three seconds, and the answer to it, however late it comes."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from weakref import WeakSet

import structlog
from slack_bolt.async_app import AsyncAck, AsyncRespond

from bot.engine.ports.rendered import Outgoing

log = structlog.get_logger()
T = TypeVar("T")
PATIENCE = 2.0  # seconds for an answer within the acknowledgement; Slack gives three
KEPT = 200  # causes whose answer is kept: a redelivery comes within minutes
LAST_WORDS = 2.0  # seconds at the stop for what is under way


class Answers:
    """One task a cause, so that a redelivery does nothing and is answered the same. Every task is named and watched."""

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._by_cause: OrderedDict[str, asyncio.Task[Outgoing]] = OrderedDict()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._responded: WeakSet[asyncio.Task[Outgoing]] = WeakSet()

    def begin(self, cause: str, work: Callable[[], Coroutine[Any, Any, Outgoing]]) -> asyncio.Task[Outgoing]:
        """The answer to the cause under way or given; `work` is begun only for a new one. It must not raise."""
        known = self._by_cause.get(cause)
        if known is None:
            known = self.watch(work(), f"answer to {cause}")
            self._by_cause[cause] = known
            while len(self._by_cause) > KEPT:
                self._by_cause.popitem(last=False)
        return known

    async def settled(self, work: asyncio.Task[Outgoing]) -> Outgoing | None:
        """The answer, if it is there while Slack still waits."""
        done, _ = await asyncio.wait({work}, timeout=self._patience)
        return work.result() if done else None

    async def in_ack(self, work: asyncio.Task[Outgoing], ack: AsyncAck, respond: AsyncRespond) -> None:
        """A command: within the acknowledgement where that can be, else by its response URL."""
        outgoing = await self.settled(work)
        if outgoing is None:
            await self.after_ack(work, ack, respond)
            return
        blocks: Any = list(outgoing.blocks)
        await ack(text=outgoing.text, blocks=blocks, response_type="ephemeral")

    async def after_ack(self, work: asyncio.Task[Outgoing], ack: AsyncAck, respond: AsyncRespond) -> None:
        """A button: Slack shows nothing that comes within its acknowledgement. Pressed once, answered once."""
        await self.settled(work)
        await ack()
        if work in self._responded:
            return
        self._responded.add(work)
        self.watch(_respond(work, respond), "answer by response url")

    def watch(self, work: Coroutine[Any, Any, T], name: str) -> asyncio.Task[T]:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("something for Slack was not done", task=task.get_name(), error=repr(error), exc_info=error)

    async def stop(self) -> None:
        """Lets what is under way end, for a moment."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=LAST_WORDS)
        for task in set(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _respond(work: asyncio.Task[Outgoing], respond: AsyncRespond) -> None:
    """One use of the response URL's five, two where Slack refuses the blocks.

    An answer that cannot be delivered is lost: what was done stands.
    """
    outgoing = await work
    blocks: Any = list(outgoing.blocks)
    said: dict[str, Any] = {"text": outgoing.text, "response_type": "ephemeral", "replace_original": False}
    try:
        answer = await respond(blocks=blocks, **said)
        if answer.status_code == 400 and blocks:
            log.error("Slack refused the blocks; sending the text alone", error=answer.body)
            answer = await respond(**said)
        if answer.status_code != 200:
            log.warning("an answer could not be delivered", status=answer.status_code, error=answer.body)
    except Exception as error:
        log.warning("an answer could not be delivered", error=repr(error))
