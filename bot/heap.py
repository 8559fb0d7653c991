"""How the garbage collector goes about a process that keeps much and leaves few cycles."""

from __future__ import annotations

import gc

# Objects before the young, young passes before the middle, middle ones before the whole: in a storm of alerts, whose
# state stays, the interpreter's own (700, 10, 10) spent a fifth of the time looking through what stays.
THRESHOLDS = (20_000, 20, 50)


def settle() -> None:
    """Once, when all is imported: what is there now stays, and is never looked through again."""
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
