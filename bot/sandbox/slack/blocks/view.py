"""The rules for a modal or an app home."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.blocks.layout import IN_VIEW
from bot.sandbox.slack.blocks.message import check_blocks, invalid
from bot.sandbox.slack.blocks.report import Report, text_object
from bot.sandbox.slack.errors import SlackError

_KNOWN = ("private_metadata", "callback_id", "external_id", "clear_on_close", "notify_on_close", "submit_disabled")


def check_view(view: Any, *, kind: str) -> None:
    """`kind` is `modal` or `home`. Raises SlackError invalid_arguments naming every place.

    Limits: title, submit and close 24 characters, 100 blocks, private_metadata 3000, ids 255.
    """
    if not isinstance(view, dict) or view.get("type") != kind:
        raise invalid("invalid_arguments", [f"must be a {kind} view [json-pointer:/view/type]"])
    report = Report()
    modal = kind == "modal"
    named = ("title", "submit", "close") if modal else ()
    needed = ("title", "blocks") if modal else ("blocks",)
    report.keys(view, "/view", required=needed, known=(*named, *_KNOWN))
    for name in named:
        if name in view and view[name] is not None:
            text_object(report, view[name], f"/view/{name}", most=24)
    report.optional_text(view, "private_metadata", "/view", most=3000)
    report.optional_text(view, "callback_id", "/view", most=255)
    report.optional_text(view, "external_id", "/view", most=255)
    blocks = view.get("blocks", [])
    report.problems += check_blocks(blocks, most=100, at="/view/blocks", kinds=IN_VIEW)
    has_input = isinstance(blocks, list) and any(isinstance(b, dict) and b.get("type") == "input" for b in blocks)
    if modal and has_input and not view.get("submit"):
        report.add("missing required field: submit (a view with input blocks needs it)", "/view")
    if report.problems:
        raise invalid("invalid_arguments", report.problems)


def refuse_stale(current: str, given: str | None) -> None:
    """Raises SlackError hash_conflict when a view was changed since the caller saw it."""
    if given is not None and given != current:
        raise SlackError("hash_conflict")
