"""The events, one file per family."""
