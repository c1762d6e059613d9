"""`python -m tests.servers.github [--port N] [--data DIR] [--control-port N]`: a GitHub server as a process of its own.

Prints one line of JSON with its addresses when it is ready, and ends on SIGTERM, SIGINT or when its standard input
closes (so that it never outlives the process that started it).
"""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

from tests.servers.github.control import Control
from tests.servers.github.server import GitHubServer


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.servers.github", description="A GitHub of our own.")
    parser.add_argument("--port", type=int, default=0, help="of the server; 0 takes a free one")
    parser.add_argument("--control-port", type=int, default=0, help="on which another process calls its methods")
    parser.add_argument("--data", type=Path, help="an empty folder for the repositories; a temporary one by default")
    parser.add_argument("--stay", action="store_true", help="do not end when the standard input closes")
    options = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, frame: ended.set())
    with GitHubServer(options.data, port=options.port) as github:
        control = Control(github, options.control_port)
        control.start()
        print(json.dumps({"url": github.url, "api_url": github.api_url, "control": control.url}), flush=True)
        if not options.stay:
            threading.Thread(target=end_with_input, args=(ended,), daemon=True).start()
        ended.wait()
        control.shutdown()
        control.server_close()


def end_with_input(ended: threading.Event) -> None:
    sys.stdin.buffer.read()
    ended.set()


if __name__ == "__main__":
    main()
