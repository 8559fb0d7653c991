"""`python -m bot.release.charts`: {"lang": …, "chart": …} as JSON on standard input, the PNG on standard output."""

from __future__ import annotations

import json
import sys

from bot.release.charts.model import from_json


def main() -> int:
    """2: the input is not a chart. 3: there is no matplotlib. The sentence is on standard error."""
    try:
        asked = json.load(sys.stdin)
        chart, lang = from_json(asked["chart"]), asked["lang"]
    except (ValueError, KeyError, TypeError) as error:
        print(f"not a chart: {error!r}", file=sys.stderr)
        return 2
    try:
        from bot.release.charts.draw import png  # heavy, and only now sure to be wanted
    except ImportError as error:
        print(f"matplotlib is missing ({error}); install the bot with its requirements", file=sys.stderr)
        return 3
    sys.stdout.buffer.write(png(chart, lang))
    return 0


if __name__ == "__main__":
    sys.exit(main())
