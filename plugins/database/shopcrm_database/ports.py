"""Finding a port that stays the database's own from start to start."""

from __future__ import annotations

import random
import socket

from shopcrm_database.errors import NotPossibleHereError
from shopcrm_database.folder import HOST

# Below what Linux (32768) and macOS (49152) hand out to outgoing connections, so that no
# passing connection sits on the port when the server comes back.
_LOWEST, _HIGHEST = 15_432, 32_767
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def answers(host: str, port: int) -> bool:
    """Whether anything accepts connections there."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A free loopback port.

    Raises:
        NotPossibleHereError: None was found.
    """
    choose = random.SystemRandom()
    for _ in range(_TRIES):
        port = choose.randint(_LOWEST, _HIGHEST)
        if is_free(port):
            return port
    raise NotPossibleHereError(
        f"No free port between {_LOWEST} and {_HIGHEST} on {HOST}: "
        "end programs that listen there, or set DATABASE_URL to a PostgreSQL of your own."
    )
