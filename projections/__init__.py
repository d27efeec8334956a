"""Read models: rows that follow from the log and can be thrown away and rebuilt."""
