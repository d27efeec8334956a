"""One clip's way from a browser to the files that two platforms take, checked."""
