"""files.*: the external upload in its three steps."""

from __future__ import annotations

from bot.sandbox.slack import posting
from bot.sandbox.slack.api.call import Call, Method
from bot.sandbox.slack.blocks import refuse_bad_blocks
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.models import Json, StoredFile
from bot.sandbox.slack.posting import Draft


def get_upload_url(call: Call) -> Json:
    name = call.needed("filename")
    size = call.number("length", 0, most=1_000_000_000)
    file_id = call.ws.next_id("F0")
    url = f"{call.ws.base_url}/files/{file_id}"
    call.ws.files[file_id] = StoredFile(file_id, name, size, call.me, int(call.ws.clock()), url)
    return {"upload_url": f"{call.ws.base_url}/upload/v1/{file_id}", "file_id": file_id}


def complete_upload(call: Call) -> Json:
    """Shares the files as one message when a channel is named. Raises file_not_found, channel_not_found, ..."""
    wanted = call.json("files", "invalid_arguments")
    if not isinstance(wanted, list) or not wanted or not all(isinstance(item, dict) for item in wanted):
        raise SlackError("invalid_arguments")
    found = []
    for item in wanted:
        stored = call.ws.files.get(str(item.get("id")))
        if stored is None or not stored.uploaded:
            raise SlackError("file_not_found")
        stored.title = str(item.get("title") or stored.name)
        found.append(stored)
    targets = call.list_of("channels") or ([call.text("channel_id")] if call.text("channel_id") else [])
    places = [call.ws.channel(ref, reader=call.me) for ref in targets]
    for place in places:
        if call.me not in place.members:
            raise SlackError("not_in_channel")
    for stored in found:
        stored.complete = True
        stored.channels = [place.id for place in places]
        call.ws.log.append(
            "file.uploaded", file_id=stored.id, name=stored.name, size=stored.size, channels=stored.channels
        )
    for place in places:
        draft = Draft(text=call.text("initial_comment"), files=[stored.to_slack() for stored in found])
        if not draft.text and call.text("blocks"):  # a comment that is given comes first, as with Slack
            draft.blocks = _blocks(call)
        draft.thread_ts = call.text("thread_ts") or None
        posting.post(call.ws, place, call.me, draft)
    return {"files": [stored.to_slack() for stored in found]}


def _blocks(call: Call) -> list[Json]:
    blocks = call.json("blocks", "invalid_blocks_format")
    if not isinstance(blocks, list):
        raise SlackError("invalid_blocks_format")
    refuse_bad_blocks(blocks)
    return blocks


def info(call: Call) -> Json:
    stored = call.ws.files.get(call.needed("file", "file_not_found"))
    if stored is None or not stored.complete:
        raise SlackError("file_not_found")
    return {"file": stored.to_slack(), "comments": [], "response_metadata": {"next_cursor": ""}}


METHODS = {
    "files.getUploadURLExternal": Method(get_upload_url, "files:write"),
    "files.completeUploadExternal": Method(complete_upload, "files:write"),
    "files.info": Method(info, "files:read"),
}
