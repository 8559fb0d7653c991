"""What the page shows beside the conversation: the traffic as users see it, the hosts, and the dial that breaks v2."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from bot.sandbox.production.children import ProductionError
from bot.sandbox.production.world import World


def production_routes(world: World) -> list[web.AbstractRouteDef]:
    """Tables for the sandbox's panels, and `POST /production/dial` with the dial's JSON (`{"error_ratio": 1}`)."""

    async def traffic(_: web.Request) -> web.Response:
        shown = await asyncio.to_thread(world.snapshot)
        rows = [
            {
                "pool": pool,
                "version": row["version"],
                "req/s": row["rate"],
                "share %": _or_dash(row["share"]),
                "errors %": _or_dash(row["error_rate"]),
                "dial": ", ".join(f"{k}={v:g}" for k, v in row["dial"].items() if v) or "—",
            }
            for pool, row in shown["pools"].items()
        ]
        note = "Prometheus runs" if shown["prometheus"]["running"] else "Prometheus is stopped"
        return web.json_response({"rows": rows, "note": note})

    async def hosts(_: web.Request) -> web.Response:
        shown = await asyncio.to_thread(world.snapshot)
        rows = [
            {
                "host": row["name"],
                "file": row["file"] if row["running"] else "down",
                "gen.": _or_dash(row["generation"]),
                "canary %": _share(row),
            }
            for row in shown["hosts"]
        ]
        return web.json_response(rows)

    async def dial(request: web.Request) -> web.Response:
        body: dict[str, Any] = await request.json()
        try:
            await world.dial("canary", **body)
        except ProductionError as error:
            return web.json_response({"ok": False, "error": str(error)}, status=400)
        return web.json_response({"ok": True})

    return [
        web.get("/production/traffic", traffic),
        web.get("/production/hosts", hosts),
        web.post("/production/dial", dial),
    ]


def _share(row: dict[str, Any]) -> str:
    if row["mode"] is None:
        return "—"
    share = {"stable": 0.0, "canary": 100.0}.get(row["mode"], row["weight"])
    return f"{share:g}" + (" + internal" if row["internal"] else "")


def _or_dash(value: Any) -> Any:
    return "—" if value is None else value
