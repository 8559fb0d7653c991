"""The control API: acting as people, reading the workspace, breaking things. For the page and other processes."""
