"""Run a command that cannot outlive its parent: `python -I -S tied.py SIGNAL PARENT_PID COMMAND…`.

Linux sends SIGNAL to the command when the thread that started it is gone, whatever that one died of (prctl(2),
PR_SET_PDEATHSIG; the setting survives execve). It is a program and not a `preexec_fn` because running Python between
fork and exec can deadlock in a parent with threads, which the bot is.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    signal_number, parent, command = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
    # The parent may have died before the call above: then no signal would ever come.
    if os.getppid() != parent:
        sys.exit("the parent is gone already")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
