"""The list of complaints, and the checks that every kind of block and element shares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PLAIN = ("plain_text",)
ANY_TEXT = ("plain_text", "mrkdwn")


class Report:
    """Complaints in Slack's form: `must be less than 151 characters [json-pointer:/blocks/0/text/text]`."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def add(self, what: str, at: str) -> None:
        self.problems.append(f"{what} [json-pointer:{at}]")

    def text(self, value: Any, at: str, *, most: int, least: int = 0) -> None:
        """A bare string of `least` to `most` characters."""
        if not isinstance(value, str):
            self.add("must be a string", at)
        elif len(value) < least:
            self.add(f"must be more than {least - 1} characters", at)
        elif len(value) > most:
            self.add(f"must be less than {most + 1} characters", at)

    def optional_text(self, item: dict[str, Any], name: str, at: str, *, most: int) -> None:
        if name in item:
            self.text(item[name], f"{at}/{name}", most=most)

    def items(self, value: Any, at: str, *, most: int, least: int = 1) -> list[Any]:
        """The entries of a list, at most `most` long; [] if it is no list."""
        if not isinstance(value, list):
            self.add("must be an array", at)
            return []
        if len(value) > most:
            self.add(f"no more than {most} items allowed", at)
        if len(value) < least:
            self.add(f"no less than {least} items allowed" if least > 1 else "must provide at least one item", at)
        return value

    def keys(self, item: dict[str, Any], at: str, *, required: Iterable[str] = (), known: Iterable[str] = ()) -> bool:
        """Complain of missing and of unknown fields. False when a required one is missing."""
        needed = set(required)
        for name in sorted(needed - item.keys()):
            self.add(f"missing required field: {name}", at)
        for name in sorted(item.keys() - needed - set(known) - {"type"}):
            self.add(f"invalid additional property: {name}", at)
        return needed <= item.keys()

    def one_of(self, value: Any, at: str, allowed: Iterable[str]) -> None:
        if value not in list(allowed):
            self.add(f"must be one of: {', '.join(allowed)}", at)


def text_object(report: Report, value: Any, at: str, *, most: int, kinds: tuple[str, ...] = PLAIN) -> None:
    """A `plain_text` or `mrkdwn` object of 1 to `most` characters."""
    if not isinstance(value, dict):
        report.add("must be a text object", at)
        return
    kind = value.get("type")
    if kind not in kinds:
        report.add(f"must be a {' or '.join(kinds)} text object; got {kind!r}", f"{at}/type")
        return
    report.keys(value, at, required=("text",), known=("emoji",) if kind == "plain_text" else ("verbatim",))
    if "text" in value:
        report.text(value["text"], f"{at}/text", most=most, least=1)


def confirm_dialog(report: Report, value: Any, at: str) -> None:
    """Limits: title 100, text 300, confirm and deny 30 characters."""
    if not isinstance(value, dict):
        report.add("must be an object", at)
        return
    report.keys(value, at, required=("title", "text", "confirm", "deny"), known=("style",))
    for name, most, kinds in (
        ("title", 100, PLAIN),
        ("text", 300, ANY_TEXT),
        ("confirm", 30, PLAIN),
        ("deny", 30, PLAIN),
    ):
        if name in value:
            text_object(report, value[name], f"{at}/{name}", most=most, kinds=kinds)
    if "style" in value:
        report.one_of(value["style"], f"{at}/style", ("primary", "danger"))
