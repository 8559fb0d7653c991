"""Socket Mode: WebSockets that the app opens, envelopes down, acks up."""

from __future__ import annotations

import asyncio
import json
import uuid
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from bot.sandbox.slack.delivery.deliverer import Ack, Delivery
from bot.sandbox.slack.models import Json
from bot.sandbox.slack.workspace import Workspace

MOST_CONNECTIONS = 10
# Seconds a peer has to answer a close: a stopped bot must not hold up the end of a test.
CLOSE_WITHIN = 0.5
HOST = "applink-sandbox"


@dataclass
class _Connection:
    socket: web.WebSocketResponse
    waiting: dict[str, asyncio.Future[Ack]] = field(default_factory=dict)

    def give_up(self) -> None:
        for waiter in self.waiting.values():
            if not waiter.done():
                waiter.set_result(Ack(False, error="connection_closed"))
        self.waiting.clear()


class SocketTransport:
    """Sends each envelope over one of the open connections, in turn."""

    def __init__(self, ws: Workspace) -> None:
        self._ws = ws
        self._connections: list[_Connection] = []
        self._turn = 0

    @property
    def connections(self) -> int:
        return len(self._connections)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """`GET /link/?ticket=…`: the address that apps.connections.open gave; each ticket opens one connection."""
        if not self._ws.socket_tickets.redeem(request.query.get("ticket", "")):
            return web.Response(status=404, text="unknown or used ticket")
        socket = web.WebSocketResponse(timeout=CLOSE_WITHIN, autoping=True)
        await socket.prepare(request)
        if len(self._connections) >= MOST_CONNECTIONS:
            await socket.send_json(_disconnect("too_many_websockets"))
            await socket.close()
            return socket
        connection = _Connection(socket)
        self._connections.append(connection)
        await socket.send_json(self._hello())
        self._ws.log.append("socket.connected", connections=len(self._connections))
        try:
            await self._listen(connection)
        finally:
            self._drop(connection)
        return socket

    def _drop(self, connection: _Connection) -> None:
        if connection in self._connections:
            self._connections.remove(connection)
            connection.give_up()
            self._ws.log.append("socket.disconnected", connections=len(self._connections))

    async def _listen(self, connection: _Connection) -> None:
        async for message in connection.socket:
            if message.type != WSMsgType.TEXT:
                continue
            try:
                answer = json.loads(message.data)
            except ValueError:
                continue
            if not isinstance(answer, dict):
                continue
            waiter = connection.waiting.get(str(answer.get("envelope_id")))
            if waiter is None or waiter.done() or self._ws.faults.takes_ack():
                continue
            payload = answer.get("payload")
            waiter.set_result(Ack(True, payload if isinstance(payload, dict) else None))

    async def attempt(self, delivery: Delivery, number: int, reason: str) -> Ack:
        connection = self._next()
        if connection is None:
            return Ack(False, error="no_connection")
        envelope_id = str(uuid.uuid4())
        envelope: Json = {
            "envelope_id": envelope_id,
            "payload": delivery.payload,
            "type": delivery.kind,
            "accepts_response_payload": delivery.accepts_response,
        }
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": number, "retry_reason": reason}
        waiter: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
        connection.waiting[envelope_id] = waiter
        try:
            await connection.socket.send_json(envelope)
            return await asyncio.wait_for(waiter, self._ws.timing.ack)
        except TimeoutError:
            return Ack(False, error="timeout")
        except ConnectionError:
            return Ack(False, error="connection_closed")
        finally:
            connection.waiting.pop(envelope_id, None)

    def _next(self) -> _Connection | None:
        alive = [connection for connection in self._connections if not connection.socket.closed]
        if not alive:
            return None
        self._turn += 1
        return alive[self._turn % len(alive)]

    async def disconnect(self, reason: str, *, close: bool) -> int:
        """Tell every connection to go (`warning`, `refresh_requested`, `link_disabled`), and with `close` cut it.

        Returns how many there were.
        """
        there = list(self._connections)
        for connection in there:
            if reason:
                await connection.socket.send_json(_disconnect(reason))
            if close:
                # Dropped first: closing waits for the peer, and nothing more may be sent down this connection.
                self._drop(connection)
                await connection.socket.close()
        return len(there)

    def _hello(self) -> Json:
        return {
            "type": "hello",
            "num_connections": len(self._connections),
            "debug_info": {"host": HOST, "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": self._ws.app.id},
        }


def _disconnect(reason: str) -> Json:
    return {"type": "disconnect", "reason": reason, "debug_info": {"host": HOST}}
