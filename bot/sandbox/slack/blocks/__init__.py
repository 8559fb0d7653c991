"""Block Kit's rules: what Slack refuses, with the JSON pointer to the place it names."""

from bot.sandbox.slack.blocks.message import check_blocks, refuse_attachments, refuse_bad_blocks
from bot.sandbox.slack.blocks.view import check_view

__all__ = ["check_blocks", "check_view", "refuse_attachments", "refuse_bad_blocks"]
