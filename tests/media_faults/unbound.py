"""Starts a program without tying it to its parent's life; see `careless.py`."""

import os
import sys

if __name__ == "__main__":
    os.execv(sys.argv[5], sys.argv[5:])
