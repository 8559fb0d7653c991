"""The queue between the workspace and the app: attempts, redeliveries and the delivery faults."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal, Protocol

from bot.sandbox.slack.models import Json
from bot.sandbox.slack.workspace import Workspace

Kind = Literal["events_api", "slash_commands", "interactive"]
# How long a delivery waits for a later one to overtake it while the `reorder` fault is on.
OVERTAKEN_WITHIN = 0.2


@dataclass(frozen=True)
class Ack:
    """What the app answered. `error` says why it did not: timeout, no_connection, http_error, ..."""

    ok: bool
    payload: Json | None = None
    error: str = ""
    no_retry: bool = False


@dataclass
class Delivery:
    """Something for the app. Only events are tried again: a person waits for the others and sees the failure."""

    kind: Kind
    payload: Json
    accepts_response: bool = False
    name: str = ""
    attempts: int = 0
    result: asyncio.Future[Ack] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def id(self) -> str:
        return str(self.payload.get("event_id") or self.payload.get("trigger_id") or "")


class Transport(Protocol):
    async def attempt(self, delivery: Delivery, number: int, reason: str) -> Ack:
        """Send once and wait for the ack. `number` 0 is the first time, `reason` says why it is not."""
        ...


class Deliverer:
    """Takes deliveries in order and carries each to its end in a task of its own."""

    def __init__(self, ws: Workspace, transport: Transport) -> None:
        self._ws = ws
        self._transport = transport
        self._tasks: set[asyncio.Task[None]] = set()
        self._held: Delivery | None = None

    def events(self, kind: str, payload: Json) -> None:
        """The workspace's `deliver` hook."""
        self.submit(Delivery("events_api", payload, name=payload["event"]["type"]))

    def submit(self, delivery: Delivery) -> asyncio.Future[Ack]:
        if self._ws.faults.reorder and delivery.kind == "events_api":
            if self._held is None:
                self._held = delivery
                asyncio.get_running_loop().call_later(OVERTAKEN_WITHIN, self._release, delivery)
                return delivery.result
            self._start(delivery)
            self._release(self._held)
            return delivery.result
        self._start(delivery)
        return delivery.result

    def _release(self, delivery: Delivery) -> None:
        if self._held is delivery:
            self._held = None
            self._start(delivery)

    def _start(self, delivery: Delivery) -> None:
        for copy in range(2 if self._ws.faults.repeat else 1):
            task = asyncio.create_task(self._carry(delivery), name=f"sandbox-delivery-{delivery.kind}-{copy}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _carry(self, delivery: Delivery) -> None:
        if self._ws.faults.delay:
            await asyncio.sleep(self._ws.faults.delay)
        pauses = self._ws.timing.retry_after if delivery.kind == "events_api" else ()
        ack = await self._once(delivery, 0, "")
        for number, pause in enumerate(pauses, 1):
            if ack.ok or ack.no_retry:
                break
            await asyncio.sleep(pause)
            ack = await self._once(delivery, number, ack.error)
        if not ack.ok:
            self._note("delivery.failed", delivery, error=ack.error)
        if not delivery.result.done():
            delivery.result.set_result(ack)

    async def _once(self, delivery: Delivery, number: int, reason: str) -> Ack:
        delivery.attempts += 1
        self._note("delivery.sent", delivery, attempt=number, reason=reason)
        ack = await self._transport.attempt(delivery, number, reason)
        if ack.ok:
            self._note("delivery.acked", delivery, attempt=number, response=ack.payload)
        return ack

    def _note(self, kind: str, delivery: Delivery, **fields: object) -> None:
        self._ws.log.append(kind, type=delivery.kind, name=delivery.name, id=delivery.id, **fields)

    async def stop(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
