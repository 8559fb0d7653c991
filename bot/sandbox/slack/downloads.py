"""An uploaded file as the browser may have it: pictures, texts and reports to look at, the rest to save."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from bot.sandbox.slack.models import StoredFile

PICTURES: Final = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif", "webp": "webp"}
TEXTS: Final = frozenset({"txt", "text", "log", "md", "csv", "json", "yaml", "yml", "conf", "diff", "patch"})
# Whatever the app uploaded is never a page of this origin: it has an origin of its own, runs nothing, fetches nothing.
CAGE: Final = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"


def download(stored: StoredFile) -> web.Response:
    headers = {"Content-Security-Policy": CAGE, "X-Content-Type-Options": "nosniff"}
    kind, charset = _kind(stored.name.rsplit(".", 1)[-1].lower())
    return web.Response(body=stored.data, content_type=kind, charset=charset, headers=headers)


def _kind(suffix: str) -> tuple[str, str | None]:
    if suffix in PICTURES:
        return f"image/{PICTURES[suffix]}", None
    if suffix in ("html", "htm"):
        return "text/html", "utf-8"
    return ("text/plain", "utf-8") if suffix in TEXTS else ("application/octet-stream", None)
