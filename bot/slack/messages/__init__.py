"""Everything people read in Slack: state in, blocks out. Pure; one language to a message."""

from bot.slack.messages.facade import Messages
from bot.slack.messages.limits import fit

__all__ = ["Messages", "fit"]
