"""History: every event with its causes."""
