"""Git's objects as values, and their bytes: commits, trees, blobs and annotated tags.

The format is git's own (gitformat-* pages, `git cat-file`): what is encoded here is read by git as its own.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

Tree = dict[str, tuple[str, str]]  # name -> (mode, sha); a directory has the mode 40000
DIRECTORY = "40000"
FILE = "100644"


@dataclass(frozen=True, slots=True)
class Signature:
    """Who and when: an author, committer or tagger. `date` is aware and kept to the second with its offset."""

    name: str
    email: str
    date: datetime

    def encoded(self) -> bytes:
        """As it stands in an object; git forbids angle brackets and line ends in names."""
        name = self.name.translate({ord(char): None for char in "<>\n"})
        email = self.email.translate({ord(char): None for char in "<>\n"})
        return f"{name} <{email}> {int(self.date.timestamp())} {self.date.strftime('%z') or '+0000'}".encode()


@dataclass(frozen=True, slots=True)
class CommitObject:
    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: str


@dataclass(frozen=True, slots=True)
class TagObject:
    sha: str
    target: str
    target_kind: str
    name: str
    tagger: Signature | None
    message: str


def sha_of(kind: str, body: bytes) -> str:
    """The name git gives to an object."""
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(body)) + body, usedforsecurity=False).hexdigest()


def encode_tree(entries: Tree) -> bytes:
    """Sorted as git sorts: a directory as if its name ended in a slash."""

    def order(item: tuple[str, tuple[str, str]]) -> bytes:
        name, (mode, _) = item
        return (name + "/" if mode == DIRECTORY else name).encode()

    return b"".join(
        f"{mode} {name}".encode() + b"\0" + bytes.fromhex(sha)
        for name, (mode, sha) in sorted(entries.items(), key=order)
    )


def decode_tree(body: bytes) -> Tree:
    entries: Tree = {}
    at = 0
    while at < len(body):
        space, null = body.index(b" ", at), body.index(b"\0", at)
        name = body[space + 1 : null].decode(errors="replace")
        entries[name] = (body[at:space].decode().lstrip("0"), body[null + 1 : null + 21].hex())
        at = null + 21
    return entries


def encode_commit(
    tree: str, parents: tuple[str, ...], author: Signature, committer: Signature, message: str | bytes
) -> bytes:
    text = message if isinstance(message, bytes) else message.encode("utf-8", "surrogateescape")
    lines = [f"tree {tree}".encode(), *(f"parent {parent}".encode() for parent in parents)]
    lines += [b"author " + author.encoded(), b"committer " + committer.encoded(), b"", text]
    return b"\n".join(lines) + (b"" if text.endswith(b"\n") else b"\n")


def decode_commit(sha: str, body: bytes) -> CommitObject:
    """Broken UTF-8 becomes replacement characters, as in GitHub's answers."""
    head, _, message = body.partition(b"\n\n")
    fields: dict[str, list[bytes]] = {}
    for line in head.split(b"\n"):
        key, _, value = line.partition(b" ")
        fields.setdefault(key.decode(errors="replace"), []).append(value)
    return CommitObject(
        sha=sha,
        tree=fields["tree"][0].decode(),
        parents=tuple(parent.decode() for parent in fields.get("parent", [])),
        author=decode_signature(fields["author"][0]),
        committer=decode_signature(fields["committer"][0]),
        message=message.decode(errors="replace").rstrip("\n"),
    )


def encode_tag(target: str, target_kind: str, name: str, tagger: Signature, message: str) -> bytes:
    head = f"object {target}\ntype {target_kind}\ntag {name}\ntagger ".encode()
    return head + tagger.encoded() + f"\n\n{message}\n".encode()


def decode_tag(sha: str, body: bytes) -> TagObject:
    head, _, message = body.partition(b"\n\n")
    fields = dict(line.partition(b" ")[::2] for line in head.split(b"\n"))
    return TagObject(
        sha=sha,
        target=fields[b"object"].decode(),
        target_kind=fields[b"type"].decode(),
        name=fields[b"tag"].decode(errors="replace"),
        tagger=decode_signature(fields[b"tagger"]) if b"tagger" in fields else None,
        message=message.decode(errors="replace").rstrip("\n"),
    )


def decode_signature(line: bytes) -> Signature:
    who, _, when = line.rpartition(b"> ")
    name, _, email = who.partition(b" <")
    seconds, _, zone = when.decode().partition(" ")
    minutes = int(zone[1:3]) * 60 + int(zone[3:5])
    offset = timezone(timedelta(minutes=-minutes if zone.startswith("-") else minutes)) if minutes else UTC
    date = datetime.fromtimestamp(int(seconds), UTC).astimezone(offset)
    return Signature(name.decode(errors="replace"), email.decode(errors="replace"), date)
