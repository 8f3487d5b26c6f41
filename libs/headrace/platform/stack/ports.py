"""Choose ports that are free now and likely to be free at the next start."""

from __future__ import annotations

import random
import socket
from collections.abc import Container

from headrace.platform.stack.errors import PortTaken, StackError
from headrace.platform.stack.processes import holder_of

# Below the ports that operating systems hand to outgoing connections (Linux: 32768 and up; IANA: 49152 and up), so
# that a remembered port is not lost to a passing connection while the stack is down.
_FIRST, _LAST = 20000, 32000
_TRIES = 200


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this port of 127.0.0.1 now."""
    with socket.socket() as probe:
        # As Java's server sockets do: connections of the last run in TIME_WAIT are no obstacle, a listener still is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def choose_port(taken: Container[int] = ()) -> int:
    """Return a free port that is not among `taken`.

    Raises:
        StackError: none was found, which means that something on this machine holds thousands of ports.
    """
    for _ in range(_TRIES):
        port = random.randrange(_FIRST, _LAST)  # noqa: S311 - not a secret
        if port not in taken and is_free(port):
            return port
    raise StackError(f"no free port found between {_FIRST} and {_LAST}; name one with --kafka-port and --registry-port")


def claim(name: str, option: str, wanted: int | None, remembered: int | None, taken: Container[int]) -> int:
    """Return the port to use for `name`: the wanted one, else the remembered one, else a free one.

    Args:
        name: what listens, for the error.
        option: the option that chooses another port, for the error.
        wanted: what the configuration says; 0 asks for a free one, None leaves the choice.
        remembered: the port of the last run.
        taken: ports already given to other parts of this stack.

    Raises:
        PortTaken: the wanted or remembered port is in use. A remembered port is not exchanged silently, because
            programs outside were told its number.
    """
    port = remembered if wanted is None else wanted
    if not port:
        return choose_port(taken)
    if port in taken:
        raise PortTaken(name, port, " by another part of this stack", option)
    if not is_free(port):
        raise PortTaken(name, port, holder_of(port), option)
    return port
