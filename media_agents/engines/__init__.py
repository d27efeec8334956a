"""Programs that do the media work, each behind plain functions."""
