"""A local server that speaks Slack's protocol, with a whole workspace in memory. It is not Slack.

Only the address given as SLACK_API_URL leads a bot here; the bot imports none of this.
"""

from bot.sandbox.slack.control.page import Extension, PageOptions, Usage
from bot.sandbox.slack.demo import BOT_USER, CHANNELS, PEOPLE, RELEASE_MANAGERS, demo_workspace
from bot.sandbox.slack.errors import SlackError
from bot.sandbox.slack.person import Outcome, Person
from bot.sandbox.slack.server import SandboxServer
from bot.sandbox.slack.tickets import Timing
from bot.sandbox.slack.workspace import App, Team, Workspace

__all__ = [
    "BOT_USER",
    "CHANNELS",
    "PEOPLE",
    "RELEASE_MANAGERS",
    "App",
    "Extension",
    "Outcome",
    "PageOptions",
    "Person",
    "SandboxServer",
    "SlackError",
    "Team",
    "Timing",
    "Usage",
    "Workspace",
    "demo_workspace",
]
