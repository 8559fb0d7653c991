"""Lines of a plan run on the bot's machine, on a named one or on a host of the fleet: bot.release.ports.Runner."""
