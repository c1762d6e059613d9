"""The pages that links lead to: just enough to see in a demo that the link is right."""

from __future__ import annotations

import hashlib
import html
import re

from tests.servers.github.messages import Answer, Incoming
from tests.servers.github.world import GitHub

PAGE = re.compile(r"/([^/]+)/([^/]+)(?:/(.*))?")


def answer(github: GitHub, incoming: Incoming) -> Answer:
    if incoming.path.startswith("/avatars/"):
        return avatar(incoming.path)
    match = PAGE.fullmatch(incoming.path)
    repository = github.find_repository(f"{match[1]}/{match[2]}") if match else None
    if repository is None or repository.private:
        return Answer(404, b"<!doctype html><title>Page not found</title>", {"Content-Type": "text/html"})
    rest = (match[3] or "") if match else ""
    title = html.escape(f"{repository.full_name} {rest}".strip())
    rows = []
    if number := re.fullmatch(r"pull/(\d+)", rest):
        pull = repository.pulls.all.get(int(number[1]))
        rows = [f"#{pull.number} {pull.title} ({pull.state})", pull.body or ""] if pull else []
    elif span := re.fullmatch(r"compare/(.+)\.\.\.(.+)", rest):
        base, head = repository.find(span[1]), repository.find(span[2])
        found = repository.store.between(base, head) if base and head else []
        rows = [f"{sha[:7]} {repository.store.commit(sha).message.partition(chr(10))[0]}" for sha in found]
    text = "".join(f"<pre>{html.escape(row)}</pre>" for row in rows)
    page = f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>{text}"
    return Answer(200, page.encode(), {"Content-Type": "text/html; charset=utf-8"})


def avatar(path: str) -> Answer:
    hue = int(hashlib.sha256(path.encode()).hexdigest()[:4], 16) % 360
    square = f'<rect width="8" height="8" fill="hsl({hue} 60% 60%)"/>'
    picture = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">{square}</svg>'
    return Answer(200, picture.encode(), {"Content-Type": "image/svg+xml"})
