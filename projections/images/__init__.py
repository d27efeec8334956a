"""Images: sets of pictures made of one picture or of a video."""
