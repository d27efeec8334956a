"""The main job on a real clip, seen from outside: the demo speaks nothing but HTTP."""

from infra.demo.show import run

__all__ = ["run"]
