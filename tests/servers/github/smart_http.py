"""git over http: GitHub's addresses and errors in front of git's own upload-pack and receive-pack.

Protocol: git's gitprotocol-http and gitprotocol-v2. The question `ls-refs` of version 2, which every `git ls-remote`
asks, is answered from memory.
"""

from __future__ import annotations

import re
import subprocess

from tests.servers.github.access import ANONYMOUS, Credential, allows, can_see, secret_of
from tests.servers.github.messages import Answer, Incoming
from tests.servers.github.repository import Repository
from tests.servers.github.store import GIT_ENVIRONMENT
from tests.servers.github.world import GitHub

ADDRESS = re.compile(r"/([^/]+)/([^/]+?)(?:\.git)?/(info/refs|git-upload-pack|git-receive-pack)")
NO_CACHE = {"Cache-Control": "no-cache, max-age=0, must-revalidate"}
DELIMITER, FLUSH = b"0001", b"0000"


def is_git(incoming: Incoming) -> bool:
    return ADDRESS.fullmatch(incoming.path) is not None


def answer(github: GitHub, incoming: Incoming) -> Answer:
    match = ADDRESS.fullmatch(incoming.path)
    assert match
    service = incoming.query.get("service", "") if match[3] == "info/refs" else match[3]
    with github.lock:
        credential = authenticated(github, incoming)
        repository = github.find_repository(f"{match[1]}/{match[2]}")
        refused = refusal(credential, repository, writing=service == "git-receive-pack")
        if refused or repository is None or credential is None:
            return refused or Answer(404)
        if match[3] == "info/refs" and repository.full_name.lower() != f"{match[1]}/{match[2]}".lower():
            return Answer(301, b"", {"Location": f"{repository.remote}/info/refs?{incoming.query_string}"})
        if service == "git-receive-pack":
            return receive(repository, incoming, match[3], credential)
    return upload(github, repository, incoming, match[3]) if service == "git-upload-pack" else Answer(403)


def authenticated(github: GitHub, incoming: Incoming) -> Credential | None:
    """ANONYMOUS without credentials, None for wrong ones."""
    given = secret_of(incoming.headers)
    if given is None:
        return ANONYMOUS
    found = github.credentials.get(given[1])
    if found is None or found.revoked or (found.expires and found.expires <= github.now()):
        return None
    return None if found.installation and found.installation.suspended_at else found


def refusal(credential: Credential | None, repository: Repository | None, *, writing: bool) -> Answer | None:
    """401 asks for credentials wherever better ones might help; then 404 and 403, with the texts that git prints."""
    if credential is None:
        return unauthorized("Invalid username or token. Password authentication is not supported for Git operations.")
    seen = repository is not None and can_see(credential, repository)
    if credential is ANONYMOUS and (writing or not seen):
        return unauthorized("No anonymous write access." if writing else "Repository not found.")
    if repository is None or not seen:
        return Answer(404, b"Repository not found.", {"Content-Type": "text/plain; charset=utf-8"})
    if not writing and allows(credential, repository, "contents", "read"):
        return None
    if writing and allows(credential, repository, "contents", "write"):
        text = b"This repository was archived so it is read-only."
        return Answer(403, text, {"Content-Type": "text/plain; charset=utf-8"}) if repository.archived_at else None
    text = f"Permission to {repository.full_name}.git denied to {credential.login}.".encode()
    return Answer(403, text, {"Content-Type": "text/plain; charset=utf-8"})


def unauthorized(text: str) -> Answer:
    headers = {"WWW-Authenticate": 'Basic realm="GitHub"', "Content-Type": "text/plain; charset=utf-8"}
    return Answer(401, text.encode(), headers)


def packet(line: bytes) -> bytes:
    return f"{len(line) + 4:04x}".encode() + line


def packets(body: bytes) -> list[bytes]:
    """The lines of a pkt-line stream; flush and delimiter are their own four digits."""
    found, at = [], 0
    while at + 4 <= len(body):
        size = int(body[at : at + 4], 16)
        found.append(body[at + 4 : at + size] if size >= 4 else body[at : at + 4])
        at += max(size, 4)
    return found


def upload(github: GitHub, repository: Repository, incoming: Incoming, address: str) -> Answer:
    version_2 = "version=2" in incoming.headers.get("git-protocol", "")
    if version_2 and address == "info/refs":
        return advertised("git-upload-pack", capabilities())
    if version_2 and (listed := packets(incoming.body))[:1] == [b"command=ls-refs\n"]:
        with github.lock:
            return result("git-upload-pack", ls_refs(repository, listed))
    return served(repository, incoming, "upload-pack", address)


def capabilities() -> bytes:
    lines = [b"version 2\n", b"agent=git/github\n", b"ls-refs=unborn\n", b"fetch=shallow wait-for-done filter\n"]
    lines += [b"server-option\n", b"object-format=sha1\n"]
    return b"".join(packet(line) for line in lines) + FLUSH


def ls_refs(repository: Repository, asked: list[bytes]) -> bytes:
    """The refs that begin with one of the asked prefixes, HEAD first, tags peeled."""
    wanted = [line.rstrip(b"\n").decode(errors="replace") for line in asked]
    prefixes = tuple(line.removeprefix("ref-prefix ") for line in wanted if line.startswith("ref-prefix "))
    refs, head = repository.store.refs, f"refs/heads/{repository.default_branch}"
    lines = []
    if head in refs and "HEAD".startswith(prefixes or ("",)):
        lines.append(f"{refs[head]} HEAD" + (f" symref-target:{head}" if "symrefs" in wanted else ""))
    elif head not in refs and "unborn" in wanted and "HEAD".startswith(prefixes or ("",)):
        lines.append(f"unborn HEAD symref-target:{head}")
    for name, sha in sorted(refs.items()):
        if name.startswith(prefixes or ("",)):
            peeled = repository.store.peel(sha)
            lines.append(f"{sha} {name}" + (f" peeled:{peeled}" if "peel" in wanted and peeled != sha else ""))
    return b"".join(packet(f"{line}\n".encode()) for line in lines) + FLUSH


def receive(repository: Repository, incoming: Incoming, address: str, credential: Credential) -> Answer:
    answer = served(repository, incoming, "receive-pack", address)
    if address != "info/refs":
        for ref, (before, after) in repository.store.adopt().items():
            repository.moved(ref, before, after, by=credential.login)
    return answer


def served(repository: Repository, incoming: Incoming, service: str, address: str) -> Answer:
    """git itself answers, on the repository on disk."""
    advertise = ["--http-backend-info-refs"] if address == "info/refs" else []
    environment = dict(GIT_ENVIRONMENT)
    if protocol := incoming.headers.get("git-protocol"):
        environment["GIT_PROTOCOL"] = protocol
    done = subprocess.run(
        ["git", service, "--stateless-rpc", *advertise, str(repository.path)],
        input=incoming.body,
        env=environment,
        capture_output=True,
        check=False,
    )
    name = f"git-{service}"
    return advertised(name, done.stdout) if advertise else result(name, done.stdout)


def advertised(service: str, body: bytes) -> Answer:
    lead = packet(f"# service={service}\n".encode()) + FLUSH
    return Answer(200, lead + body, {"Content-Type": f"application/x-{service}-advertisement", **NO_CACHE})


def result(service: str, body: bytes) -> Answer:
    return Answer(200, body, {"Content-Type": f"application/x-{service}-result", **NO_CACHE})
