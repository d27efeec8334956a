"""Changes: the backlog of the watch path."""
