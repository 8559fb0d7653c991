"""What surrounds the traffic, done: checks, backups, steps, figures, charts and the report."""
