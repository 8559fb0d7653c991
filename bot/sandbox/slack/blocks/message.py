"""The rules for the blocks of a message as a whole."""

from __future__ import annotations

from typing import Any

from bot.sandbox.slack.blocks.elements import Check
from bot.sandbox.slack.blocks.layout import IN_MESSAGE
from bot.sandbox.slack.blocks.report import Report
from bot.sandbox.slack.errors import SlackError

MOST_BLOCKS = 50
# Fitted to the two sizes measured in slackapi/bolt-js#2509: one markdown block fails from 13,298 characters of text,
# one with a divider from 13,173.
SIZE, SIZE_OF_A_BLOCK = 13_422, 125
# The table block has its own allowance for the characters of all its cells.
TABLE_SIZE = 10_000


def check_blocks(
    blocks: Any, *, most: int = MOST_BLOCKS, at: str = "/blocks", kinds: dict[str, Check] = IN_MESSAGE
) -> list[str]:
    """Every complaint about a list of blocks, [] when Slack would take it."""
    report = Report()
    seen: dict[str, int] = {}
    for n, block in enumerate(report.items(blocks, at, most=most, least=0)):
        here = f"{at}/{n}"
        if not isinstance(block, dict):
            report.add("must be an object", here)
            continue
        kind = block.get("type")
        if not isinstance(kind, str) or kind not in kinds:
            report.add(f"unsupported type: {kind}" if kind else "missing required field: type", f"{here}/type")
            continue
        report.optional_text(block, "block_id", here, most=255)
        block_id = block.get("block_id")
        if isinstance(block_id, str):
            if block_id in seen:
                report.add(
                    f"`block_id` must be unique; {block_id!r} is also that of block {seen[block_id]}",
                    f"{here}/block_id",
                )
            seen.setdefault(block_id, n)
        kinds[kind](report, block, here)
    return report.problems


def refuse_bad_blocks(blocks: Any) -> None:
    """Raises SlackError invalid_blocks (with every place), msg_blocks_too_long or invalid_attachments."""
    if problems := check_blocks(blocks):
        raise invalid("invalid_blocks", problems)
    tables = [block for block in blocks if block["type"] == "table"]
    if len(tables) > 1:
        raise invalid("invalid_attachments", ["only_one_table_allowed"])
    if sum(_characters(table) for table in tables) > TABLE_SIZE:
        raise SlackError("msg_blocks_too_long")
    others = [block for block in blocks if block["type"] != "table"]
    if _characters(others) + SIZE_OF_A_BLOCK * len(others) > SIZE:
        raise SlackError("msg_blocks_too_long")


def refuse_attachments(attachments: Any) -> None:
    """Raises SlackError invalid_attachments or too_many_attachments, or invalid_blocks for blocks inside one."""
    if not isinstance(attachments, list) or not all(isinstance(item, dict) for item in attachments):
        raise SlackError("invalid_attachments")
    if len(attachments) > 100:
        raise SlackError("too_many_attachments")
    for n, item in enumerate(attachments):
        if problems := check_blocks(item.get("blocks", []), at=f"/attachments/{n}/blocks"):
            raise invalid("invalid_blocks", problems)


def invalid(code: str, problems: list[str]) -> SlackError:
    messages = [f"[ERROR] {problem}" for problem in problems]
    return SlackError(code, errors=problems, response_metadata={"messages": messages})


def _characters(value: Any) -> int:
    if isinstance(value, dict):
        own = len(value["text"]) if isinstance(value.get("text"), str) else 0
        return own + sum(_characters(part) for part in value.values() if not isinstance(part, str))
    if isinstance(value, list):
        return sum(_characters(part) for part in value)
    return 0
