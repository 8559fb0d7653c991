"""The blocks themselves, each with the limits of its documentation page."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.blocks.elements import IN_ACTIONS, IN_INPUT, IN_SECTION, Check, Json, check_element
from bot.sandbox.slack.blocks.elements import image as image_element
from bot.sandbox.slack.blocks.report import ANY_TEXT, Report, text_object

RICH_PARTS = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})


def section(report: Report, item: Json, at: str) -> None:
    """Text up to 3000 characters or up to ten fields of 2000, or both."""
    report.keys(item, at, known=("block_id", "text", "fields", "accessory", "expand"))
    if "text" not in item and "fields" not in item:
        report.add("missing required field: text or fields", at)
    if "text" in item:
        text_object(report, item["text"], f"{at}/text", most=3000, kinds=ANY_TEXT)
    if "fields" in item:
        for n, field in enumerate(report.items(item["fields"], f"{at}/fields", most=10)):
            text_object(report, field, f"{at}/fields/{n}", most=2000, kinds=ANY_TEXT)
    if "accessory" in item:
        check_element(report, item["accessory"], f"{at}/accessory", IN_SECTION)


def header(report: Report, item: Json, at: str) -> None:
    if report.keys(item, at, required=("text",), known=("block_id", "level")):
        text_object(report, item["text"], f"{at}/text", most=150)


def divider(report: Report, item: Json, at: str) -> None:
    report.keys(item, at, known=("block_id",))


def context(report: Report, item: Json, at: str) -> None:
    """Up to ten text objects or images."""
    report.keys(item, at, required=("elements",), known=("block_id",))
    for n, element in enumerate(report.items(item.get("elements"), f"{at}/elements", most=10)):
        here = f"{at}/elements/{n}"
        if isinstance(element, dict) and element.get("type") == "image":
            image_element(report, element, here)
        else:
            text_object(report, element, here, most=2000, kinds=ANY_TEXT)


def actions(report: Report, item: Json, at: str) -> None:
    """Up to 25 interactive elements whose action ids differ."""
    report.keys(item, at, required=("elements",), known=("block_id",))
    seen: set[str] = set()
    for n, element in enumerate(report.items(item.get("elements"), f"{at}/elements", most=25)):
        check_element(report, element, f"{at}/elements/{n}", IN_ACTIONS)
        action_id = element.get("action_id") if isinstance(element, dict) else None
        if isinstance(action_id, str):
            if action_id in seen:
                report.add(f"`action_id` must be unique; {action_id!r} is used twice", f"{at}/elements/{n}/action_id")
            seen.add(action_id)


def image(report: Report, item: Json, at: str) -> None:
    image_element(report, {k: v for k, v in item.items() if k not in ("block_id", "title")}, at)
    if "title" in item:
        text_object(report, item["title"], f"{at}/title", most=2000)


def input_block(report: Report, item: Json, at: str) -> None:
    known = ("block_id", "hint", "optional", "dispatch_action")
    if report.keys(item, at, required=("label", "element"), known=known):
        text_object(report, item["label"], f"{at}/label", most=2000)
        check_element(report, item["element"], f"{at}/element", IN_INPUT)
    if "hint" in item:
        text_object(report, item["hint"], f"{at}/hint", most=2000)


def rich_text(report: Report, item: Json, at: str) -> None:
    report.keys(item, at, required=("elements",), known=("block_id",))
    for n, part in enumerate(report.items(item.get("elements"), f"{at}/elements", most=1000)):
        here = f"{at}/elements/{n}"
        if not isinstance(part, dict) or part.get("type") not in RICH_PARTS:
            report.add("unsupported rich text element", f"{here}/type")
        elif not isinstance(part.get("elements"), list):
            report.add("missing required field: elements", here)


def markdown(report: Report, item: Json, at: str) -> None:
    if report.keys(item, at, required=("text",), known=("block_id",)):
        report.text(item["text"], f"{at}/text", most=12_000, least=1)


def table(report: Report, item: Json, at: str) -> None:
    """1 to 100 rows of up to 20 cells (`raw_text` or `rich_text`), up to 20 column settings."""
    report.keys(item, at, required=("rows",), known=("block_id", "column_settings"))
    for r, row in enumerate(report.items(item.get("rows"), f"{at}/rows", most=100)):
        for c, cell in enumerate(report.items(row, f"{at}/rows/{r}", most=20)):
            _cell(report, cell, f"{at}/rows/{r}/{c}")
    settings = item.get("column_settings", [])
    for n, column in enumerate(report.items(settings, f"{at}/column_settings", most=20, least=0)):
        here = f"{at}/column_settings/{n}"
        if column is None:
            continue
        if not isinstance(column, dict):
            report.add("must be an object", here)
            continue
        report.keys(column, here, known=("align", "is_wrapped"))
        if "align" in column:
            report.one_of(column["align"], f"{here}/align", ("left", "center", "right"))


def _cell(report: Report, cell: Any, at: str) -> None:
    kind = cell.get("type") if isinstance(cell, dict) else None
    if kind == "rich_text":
        rich_text(report, cell, at)
    elif kind == "raw_text":
        if report.keys(cell, at, required=("text",)):
            report.text(cell["text"], f"{at}/text", most=10_000, least=1)
    else:
        report.add("must be a raw_text or rich_text cell", f"{at}/type")


IN_MESSAGE: dict[str, Check] = {
    "section": section,
    "header": header,
    "divider": divider,
    "context": context,
    "actions": actions,
    "image": image,
    "input": input_block,
    "rich_text": rich_text,
    "markdown": markdown,
    "table": table,
}
IN_VIEW: dict[str, Check] = {kind: check for kind, check in IN_MESSAGE.items() if kind not in ("markdown", "table")}
