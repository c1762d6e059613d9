"""The site as uvicorn serves it, in a thread of the test process: both see the same database."""

import gc
import socket
import threading

import uvicorn
from django.core.asgi import get_asgi_application

from dashboard.live import with_live

LIMIT = 20.0  # seconds to start and to end


class SiteServer:
    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        config = uvicorn.Config(
            with_live(get_asgi_application()),
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """The socket listens already: whoever connects waits until the server takes over."""
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(LIMIT)
        # A browser that closes while it waits for a page leaves that page's connection to the garbage collector.
        gc.collect()
        self._socket.close()
        assert not self._thread.is_alive(), "the web server did not end"
