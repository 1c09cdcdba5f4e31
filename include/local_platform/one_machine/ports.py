"""Ports of this machine's addresses."""

import socket


def is_free(port: int, address: str = "127.0.0.1") -> bool:
    """Whether a server could listen on this port of an address of this machine now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
