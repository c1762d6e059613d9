"""Remembers for a moment what many open pages ask for at once: 500 tabs, few answers made."""

import threading
import time
from collections.abc import Callable

SECONDS = 10
KEPT = 200

_answers: dict[str, tuple[float, str]] = {}
_lock = threading.Lock()


def parts(key: str, make: Callable[[], str]) -> str:
    """The answer for this address. Its `v` names the change that it shows, so a newer change is another address.

    Nobody waits for another request's answer: one that hangs in the database would hold up all.
    """
    if "v=" not in key:
        return make()
    with _lock:
        until, answer = _answers.get(key, (0.0, ""))
    if until > time.monotonic():
        return answer
    answer = make()
    with _lock:
        if len(_answers) >= KEPT:
            _answers.clear()
        _answers[key] = (time.monotonic() + SECONDS, answer)
    return answer
