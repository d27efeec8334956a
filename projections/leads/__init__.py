"""Landing pages and the leads they catch."""
