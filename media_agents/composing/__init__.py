"""From a timeline document to one film: read, checked, arranged, drawn, mixed."""
