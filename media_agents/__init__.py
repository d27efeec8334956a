"""Work on picture and sound: from an uploaded file to what players fetch."""
