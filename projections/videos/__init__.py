"""Videos: finished material."""
