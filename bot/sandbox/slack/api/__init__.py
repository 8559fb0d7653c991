"""The Web API: one handler per method, looked up by Slack's own name."""
