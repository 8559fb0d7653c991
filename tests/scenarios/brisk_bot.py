"""The bot with one thing changed: it does not spare a Slack channel.

A channel of Slack's takes about one post a second, and the bot keeps to it. A scenario has in seconds what a rollout
has in days, and would wait for that alone. The end-to-end tests run the bot as it is.
"""

from bot.cli import main
from bot.slack.pace import Bucket


async def _at_once(_: Bucket) -> None:
    """No waiting."""


if __name__ == "__main__":
    Bucket.take = _at_once  # type: ignore[assignment, method-assign]
    main()
