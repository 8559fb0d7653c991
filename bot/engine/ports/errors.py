"""What can go wrong outside, in the two kinds that matter, again or never; and what the store refuses an actor."""

from __future__ import annotations


class Conflict(Exception):
    """Another commit took the stream's next seq first: load again and decide again."""


class Fenced(Exception):
    """The lead of this epoch has passed to another holder: stop acting for the stream."""


class Retryable(Exception):
    """The outside could not do it now; `after` seconds is its own wish (a 429's Retry-After), None = back off."""

    def __init__(self, what: str, after: float | None = None) -> None:
        super().__init__(what)
        self.after = after


class Away(Retryable):
    """The store does not answer: most likely nothing was recorded. Tried again with the same cause it happens once."""


class Final(Exception):
    """The outside will never do it; the sentence names the mend."""


class Gone(Final):
    """The message to be changed is no longer there; it has to be posted anew."""
