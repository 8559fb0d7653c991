from __future__ import annotations

import socket
import subprocess
import sys

from bot.sandbox.production.ports import LOOPBACK, Ports

TAKE_ALL = """
import random, sys
from bot.sandbox.production import ports
ports._usable = lambda: (int(sys.argv[1]), int(sys.argv[1]) + 1)
try:
    ports.Ports().take()
except OSError:
    sys.exit(3)
"""


def test_ports_are_distinct_and_free(ports: Ports) -> None:
    taken = [ports.take() for _ in range(50)]
    assert len(set(taken)) == 50
    for port in taken:
        with socket.socket() as server:
            server.bind((LOOPBACK, port))


def test_another_process_does_not_get_a_reserved_port(ports: Ports) -> None:
    port = ports.take()
    other = [sys.executable, "-c", TAKE_ALL, str(port)]
    assert subprocess.run(other, check=False).returncode == 3
    ports.close()
    assert subprocess.run(other, check=False).returncode == 0
