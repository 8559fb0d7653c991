"""How Python itself is set for a process that keeps much, leaves few cycles, and answers people beside its threads."""

from __future__ import annotations

import gc
import sys

# Objects before the young, young passes before the middle, middle ones before the whole: in a storm of alerts, whose
# state stays, the interpreter's own (700, 10, 10) spent a fifth of the time looking through what stays.
THRESHOLDS = (20_000, 20, 50)
# Seconds until a thread that computes lets another have its turn. While a snapshot is written in a thread, everything
# else waits this long at each of its steps; the interpreter's own 5 ms made an alert take 20 ms more.
TURN = 0.001


def settle() -> None:
    """Once, when all is imported: what is there now stays, and is never looked through again."""
    sys.setswitchinterval(TURN)
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
