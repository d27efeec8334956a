"""One file per resource; each turns a request into a wish or rows into an answer."""
