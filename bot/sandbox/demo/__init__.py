"""`rollout-bot demo`: the real bot, real nginx, real Prometheus and a local workspace, together on one machine."""
