"""Benchmarks run as modules of `tests`; `fixtures` is found as the tests find it."""

import sys
from pathlib import Path

FOLDER = str(Path(__file__).parents[1])
if FOLDER not in sys.path:
    sys.path.insert(0, FOLDER)
