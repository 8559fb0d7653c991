"""`python -m bot.sandbox.demo.load_test URL SECONDS`: four clients ask, and it says how many answers a second came.

No faster than MOST, since the canary's share is measured meanwhile. Exit 1 when more than one answer in a hundred was
an error. Stands in for wrk or k6, which a plan would name.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from urllib.parse import urlsplit

CLIENTS = 4
MOST = 60.0  # requests a second of all clients together


def ask(host: str, path: str, until: float, counts: list[int]) -> None:
    """counts: [answers, errors], this thread's own."""
    connection = http.client.HTTPConnection(host, timeout=5)
    while time.monotonic() < until:
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            counts[0] += 1
            counts[1] += answer.status >= 500
        except (OSError, http.client.HTTPException):
            counts[1] += 1
            connection.close()
        time.sleep(CLIENTS / MOST)
    connection.close()


def main(url: str, seconds: float) -> int:
    parts = urlsplit(url)
    counts = [[0, 0] for _ in range(CLIENTS)]
    began = time.monotonic()
    until = began + seconds
    threads = [threading.Thread(target=ask, args=(parts.netloc, parts.path or "/", until, c)) for c in counts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - began
    answers, errors = (sum(c[n] for c in counts) for n in (0, 1))
    print(f"{answers} answers, {errors} errors in {took:.1f} s")
    print(f"Requests/sec: {answers / took:.1f}")
    return 1 if errors * 100 > answers else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], float(sys.argv[2])))
