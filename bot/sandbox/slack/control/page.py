"""What the page is told besides the workspace: its language, what can be typed, who people are, and extensions.

An extension is a folder of static files beside the page's own. Its entry is an ES module whose default export is called
once with the page (see `page/app.js`), so that a demo can put a pane of its own beside the conversation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

FOLDER = Path(__file__).parent.parent / "page"
CSP = (
    "default-src 'self'; img-src 'self' data:; style-src 'self'; connect-src 'self'; frame-ancestors 'self'; "
    "base-uri 'none'; form-action 'none'"
)


@dataclass(frozen=True, slots=True)
class Usage:
    """One line of the completion. command: what is put into the composer, such as `/rollout start`."""

    command: str
    usage: str
    summary: str


@dataclass(frozen=True, slots=True)
class Extension:
    """name: its place in the address, /ext/NAME/. entry: the module's file name."""

    name: str
    folder: Path
    entry: str = "main.js"


@dataclass(frozen=True)
class PageOptions:
    """notes: user id -> in a few words, who that is to the app (`approves`, `has no role`)."""

    language: Literal["en", "zh"] = "en"
    usages: Sequence[Usage] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    extensions: Sequence[Extension] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "language": self.language,
            "usages": [{"command": u.command, "usage": u.usage, "summary": u.summary} for u in self.usages],
            "notes": dict(self.notes),
            "extensions": [f"/ext/{e.name}/{e.entry}" for e in self.extensions],
        }


class Assets:
    """The page's files: `/`, `/page/NAME` and `/ext/NAME/FILE`."""

    def __init__(self, options: PageOptions) -> None:
        self._extensions = {extension.name: extension.folder for extension in options.extensions}

    def add_to(self, app: web.Application) -> None:
        app.router.add_get("/", self._index)
        app.router.add_get("/page/{file}", self._page)
        app.router.add_get("/ext/{name}/{file}", self._extension)

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return _file(FOLDER, "index.html")

    async def _page(self, request: web.Request) -> web.StreamResponse:
        return _file(FOLDER, request.match_info["file"])

    async def _extension(self, request: web.Request) -> web.StreamResponse:
        folder = self._extensions.get(request.match_info["name"])
        return web.Response(status=404) if folder is None else _file(folder, request.match_info["file"])


def _file(folder: Path, name: str) -> web.StreamResponse:
    """Only what lies in the folder itself."""
    if name not in {path.name for path in folder.iterdir() if path.is_file()}:
        return web.Response(status=404)
    headers = {"Content-Security-Policy": CSP, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.FileResponse(folder / name, headers=headers)
