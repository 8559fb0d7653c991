"""`python -m bot` is `rollout-bot`."""

from bot.cli import main

main()
