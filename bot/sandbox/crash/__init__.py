"""The bot with a named crash point at every commit and every effect, and a supervisor that starts it again."""
