"""Pictures of a rollout. The bot never imports matplotlib: it is drawn in a process of its own (`picture`)."""
