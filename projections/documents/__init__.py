"""What a search looks through: one row per project, asset, copy and publication."""
