"""What keeps strangers from giving orders to a model: measured, never complete."""
