"""The language of the log: envelope, topics, ids, events and commands."""
