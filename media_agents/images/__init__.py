"""Pictures: looked at, cropped, written on and made to fit, each in a child process."""
