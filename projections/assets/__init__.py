"""Assets: what people brought in."""
