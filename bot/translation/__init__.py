"""The bot's own sentences as the log has them, which is in English, in the language people have set. Pure.

What is stored (an error of a host, why a channel did not deliver) is written once, when it happens, and shown for ever
after: so it is recognised when it is shown, and what old logs hold reads like what is written today. What the outside
itself said (nginx's complaint, a mail server's answer) is a quotation within, and stays as it is.
"""

from bot.translation.translate import translated

__all__ = ["translated"]
