"""Files into a thread, by Slack's upload in three steps: a place for each, its bytes, then all as one message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from bot.engine.ports.rendered import Attachment
from bot.slack.errors import LACKING, Refused, call

# Besides what a server may lack: files are switched off for the workspace, or no more fit in.
CLOSED = frozenset((*LACKING, "file_uploads_disabled", "file_uploads_except_images_disabled", "storage_limit_reached"))
REFUSED_BLOCKS = frozenset(("invalid_blocks", "invalid_blocks_format", "invalid_arguments"))


class NoFiles(Exception):
    """This server takes no files; `why` in Slack's word."""


async def share(
    client: AsyncWebClient, key: str, channel: str, thread_ts: str, files: Sequence[Attachment], text: str
) -> tuple[str, ...]:
    """The files' ids. The message carries the key as its block's id: a shared file has no metadata to put it into.

    Raises NoFiles, Retryable or Refused.
    """
    uploads = [{"file": file.data, "filename": file.name, "title": file.title} for file in files]
    place: dict[str, Any] = {"channel": channel, "thread_ts": thread_ts or None, "file_uploads": uploads}
    try:
        try:
            done = await call(client.files_upload_v2(**place, blocks=json.dumps(_said(key, text))))
        except Refused as error:
            if error.code not in REFUSED_BLOCKS:
                raise
            done = await call(client.files_upload_v2(**place, initial_comment=text))
    except Refused as error:
        if error.code in CLOSED:
            raise NoFiles(str(error)) from error
        raise
    return tuple(str(file["id"]) for file in done.get("files") or ())


def _said(key: str, text: str) -> list[dict[str, Any]]:
    section = {"type": "rich_text_section", "elements": [{"type": "text", "text": text or " "}]}
    return [{"type": "rich_text", "block_id": key[:255], "elements": [section]}]


def keyed(message: dict[str, Any], key: str) -> bool:
    """Whether this message was shared under the key."""
    return any(block.get("block_id") == key[:255] for block in message.get("blocks") or () if isinstance(block, dict))
