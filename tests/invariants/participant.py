"""An engine or a person as a process of its own: does what each line of its input asks for, and says how it went.

`python -m tests.invariants.participant` reads lines of JSON: {"do": "advance", "now": ISO} runs the engine over every
release; {"do": "block", "now": ISO} blocks the whole organization as the staff's form does; {"do": "end", "block": id}
ends it. It answers each with one line of JSON.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from django.conf import settings
from django.db import connection


class Participant:
    """Starts such a process on the database of the running test; `ask` and `answer` are apart, so that several race."""

    def __enter__(self) -> Self:
        database = connection.settings_dict
        port = f"&port={database['PORT']}" if database["PORT"] else ""
        address = f"postgresql://{quote(database['USER'])}:{quote(database['PASSWORD'] or '')}@/{database['NAME']}"
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.invariants.participant"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=settings.BASE_DIR,
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "horizon.settings",
                "DATABASE_URL": f"{address}?host={quote(database['HOST'], safe='')}{port}",
            },
        )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.communicate(timeout=60)

    def ask(self, do: str, **what: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(json.dumps({"do": do, **what}) + "\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, "the process died"
        return json.loads(line)


def _advance(wish: dict[str, Any]) -> Any:
    from releases import engine

    now = datetime.fromisoformat(wish["now"])
    outcomes = engine.advance(engine.releasable(), lambda: now)
    return [[act.code for act in outcome.acts] for outcome in outcomes]


def _block(wish: dict[str, Any]) -> Any:
    from audit.record import Actor
    from blocks.change import Wish, create_block
    from projects.models import Organization

    now = datetime.fromisoformat(wish["now"])
    saved = create_block(
        Wish(Organization.objects.get(), "Stop!", scope="organization"),
        actor=Actor.person("mary"),
        owner=None,
        clock=lambda: now,
    )
    return {"block": saved.block.pk, "too_late": [overtaken.project.pk for overtaken in saved.too_late]}


def _end(wish: dict[str, Any]) -> Any:
    from audit.record import Actor
    from blocks.change import resolve_block
    from blocks.models import DeployBlock

    now = datetime.fromisoformat(wish["now"])
    block = DeployBlock.objects.get(pk=wish["block"])
    return resolve_block(block, note="Go on", actor=Actor.person("mary"), clock=lambda: now)


DOES: dict[str, Callable[[dict[str, Any]], Any]] = {"advance": _advance, "block": _block, "end": _end}


def main() -> None:
    import django

    django.setup()
    for line in sys.stdin:
        wish = json.loads(line)
        print(json.dumps(DOES[wish["do"]](wish)), flush=True)


if __name__ == "__main__":
    main()
