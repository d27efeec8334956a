"""The embedded servers: start them, find running ones, stop them."""

from infra.stack.announce import attached
from infra.stack.servers import Running, start

__all__ = ["Running", "attached", "start"]
