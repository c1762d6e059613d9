"""Free ports on 127.0.0.1, and waiting until somebody listens."""

import socket
from time import monotonic, sleep


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(port: int, seconds: float = 30) -> None:
    """Raises TimeoutError when nobody listens in time."""
    end = monotonic() + seconds
    while monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        sleep(0.1)
    raise TimeoutError(f"nobody listens on port {port}")
