"""`python -m bot` is the same as `rollout-bot`."""

import sys

try:
    from bot.cli import main

    main()
except KeyboardInterrupt:  # also while it still imports
    sys.exit(130)
