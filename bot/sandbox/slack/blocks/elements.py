"""The elements inside blocks: buttons, menus, pickers, inputs, images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bot.sandbox.slack.blocks.report import ANY_TEXT, PLAIN, Report, confirm_dialog, text_object

Json = dict[str, Any]
Check = Callable[[Report, Json, str], None]

_COMMON = ("action_id", "confirm", "focus_on_load")


def check_element(report: Report, value: Any, at: str, allowed: frozenset[str] | set[str]) -> None:
    """One element, of a type that is allowed where it stands."""
    if not isinstance(value, dict):
        report.add("must be an object", at)
        return
    kind = value.get("type")
    if not isinstance(kind, str) or kind not in CHECKS or kind not in allowed:
        report.add(f"unsupported type: {kind}", f"{at}/type")
        return
    report.optional_text(value, "action_id", at, most=255)
    if "confirm" in value:
        confirm_dialog(report, value["confirm"], f"{at}/confirm")
    CHECKS[kind](report, value, at)


def button(report: Report, item: Json, at: str) -> None:
    known = (*_COMMON, "url", "value", "style", "accessibility_label")
    if report.keys(item, at, required=("text",), known=known):
        text_object(report, item["text"], f"{at}/text", most=75)
    report.optional_text(item, "value", at, most=2000)
    report.optional_text(item, "url", at, most=3000)
    report.optional_text(item, "accessibility_label", at, most=75)
    if "style" in item:
        report.one_of(item["style"], f"{at}/style", ("primary", "danger"))


def option(report: Report, value: Any, at: str, kinds: tuple[str, ...] = PLAIN) -> None:
    """Limits: text 75, value 150, description 75 characters."""
    if not isinstance(value, dict):
        report.add("must be an object", at)
        return
    if report.keys(value, at, required=("text", "value"), known=("description", "url")):
        text_object(report, value["text"], f"{at}/text", most=75, kinds=kinds)
        report.text(value["value"], f"{at}/value", most=150)
    if "description" in value:
        text_object(report, value["description"], f"{at}/description", most=75, kinds=kinds)
    report.optional_text(value, "url", at, most=3000)


def _options(report: Report, item: Json, at: str, most: int, kinds: tuple[str, ...] = PLAIN) -> None:
    for n, value in enumerate(report.items(item.get("options"), f"{at}/options", most=most)):
        option(report, value, f"{at}/options/{n}", kinds)


def _placeholder(report: Report, item: Json, at: str) -> None:
    if "placeholder" in item:
        text_object(report, item["placeholder"], f"{at}/placeholder", most=150)


def static_select(report: Report, item: Json, at: str) -> None:
    known = (*_COMMON, "placeholder", "options", "option_groups", "initial_option", "initial_options")
    report.keys(item, at, known=(*known, "max_selected_items"))
    _placeholder(report, item, at)
    if ("options" in item) == ("option_groups" in item):
        report.add("must provide either options or option_groups", at)
    elif "options" in item:
        _options(report, item, at, 100)
    else:
        for n, group in enumerate(report.items(item["option_groups"], f"{at}/option_groups", most=100)):
            here = f"{at}/option_groups/{n}"
            if isinstance(group, dict) and report.keys(group, here, required=("label", "options")):
                text_object(report, group["label"], f"{here}/label", most=75)
                _options(report, group, here, 100)


def other_select(report: Report, item: Json, at: str) -> None:
    known = [
        *_COMMON,
        "placeholder",
        "max_selected_items",
        "min_query_length",
        "filter",
        "default_to_current_conversation",
    ]
    names = ("option", "options", "user", "users", "channel", "channels", "conversation", "conversations")
    report.keys(item, at, known=[*known, "response_url_enabled", *(f"initial_{name}" for name in names)])
    _placeholder(report, item, at)


def overflow(report: Report, item: Json, at: str) -> None:
    report.keys(item, at, required=("options",), known=_COMMON)
    _options(report, item, at, 5)


def choices(report: Report, item: Json, at: str) -> None:
    report.keys(item, at, required=("options",), known=(*_COMMON, "initial_option", "initial_options"))
    _options(report, item, at, 10, ANY_TEXT)


def picker(report: Report, item: Json, at: str) -> None:
    report.keys(
        item, at, known=(*_COMMON, "placeholder", "initial_date", "initial_time", "initial_date_time", "timezone")
    )
    _placeholder(report, item, at)


def text_input(report: Report, item: Json, at: str) -> None:
    known = (
        *_COMMON,
        "placeholder",
        "initial_value",
        "multiline",
        "min_length",
        "max_length",
        "dispatch_action_config",
    )
    report.keys(item, at, known=(*known, "is_decimal_allowed", "min_value", "max_value"))
    _placeholder(report, item, at)
    report.optional_text(item, "initial_value", at, most=3000)
    if item["type"] == "number_input" and "is_decimal_allowed" not in item:
        report.add("missing required field: is_decimal_allowed", at)


def file_input(report: Report, item: Json, at: str) -> None:
    report.keys(item, at, known=(*_COMMON, "filetypes", "max_files"))


def image(report: Report, item: Json, at: str) -> None:
    report.keys(
        item,
        at,
        required=("alt_text",),
        known=("image_url", "slack_file", "image_bytes", "image_width", "image_height"),
    )
    report.optional_text(item, "alt_text", at, most=2000)
    report.optional_text(item, "image_url", at, most=3000)
    if ("image_url" in item) == ("slack_file" in item):
        report.add("must provide either image_url or slack_file", at)


SELECTS = frozenset(
    f"{many}{kind}_select"
    for many in ("", "multi_")
    for kind in ("static", "external", "users", "conversations", "channels")
)
PICKERS = frozenset({"datepicker", "timepicker", "datetimepicker"})
INPUTS = frozenset({"plain_text_input", "number_input", "email_text_input", "url_text_input"})
CHOICES = frozenset({"checkboxes", "radio_buttons"})

IN_ACTIONS = SELECTS | PICKERS | CHOICES | {"button", "overflow", "rich_text_input"}
IN_SECTION = SELECTS | PICKERS | CHOICES | {"button", "overflow", "image"}
IN_INPUT = SELECTS | PICKERS | CHOICES | INPUTS | {"file_input", "rich_text_input"}

CHECKS: dict[str, Check] = {
    "button": button,
    "overflow": overflow,
    "image": image,
    "file_input": file_input,
    "rich_text_input": text_input,
    "static_select": static_select,
    "multi_static_select": static_select,
    **dict.fromkeys(SELECTS - {"static_select", "multi_static_select"}, other_select),
    **dict.fromkeys(PICKERS, picker),
    **dict.fromkeys(INPUTS, text_input),
    **dict.fromkeys(CHOICES, choices),
}
