"""Tasks: jobs as people and workers see them."""
