"""The container registry as a source, against moto's ECR on 127.0.0.1 and hosts that fail."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import boto3
import pytest
from moto.server import ThreadedMotoServer

from projects.reading import Head, Question, StageUnreadable, Trouble, Where
from projects.registry import Image, RegistryReader

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

REGION, KEY_ID, SECRET = "us-east-1", "AKIAEXAMPLE", "very-s3cret"
OLD, NEW = "a" * 40, "b" * 40
PRODUCTION = Question("candela", Where.HOKUSAI, "production")


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """The address of a registry."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def ecr(aws: str) -> Iterator["ECRClient"]:
    """A client that fills the registry, which has one empty repository."""
    client = boto3.client(
        "ecr", region_name=REGION, aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET, endpoint_url=aws
    )
    client.create_repository(repositoryName="candela")
    yield client
    client.delete_repository(repositoryName="candela", force=True)


@pytest.fixture
def reader(aws: str) -> RegistryReader:
    return RegistryReader(REGION, KEY_ID, SECRET, aws)


def push(ecr: "ECRClient", content: str, *tags: str) -> None:
    """Push one image under several tags; the same content is the same image."""
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {"mediaType": "x", "size": 1, "digest": f"sha256:{content.encode().hex():0>64}"},
        "layers": [],
    }
    for tag in tags:
        ecr.put_image(repositoryName="candela", imageManifest=json.dumps(manifest), imageTag=tag)


def told(reader: RegistryReader, question: Question = PRODUCTION) -> StageUnreadable:
    answer = reader.heads([question])[question]
    assert isinstance(answer, StageUnreadable), answer
    return answer


def test_the_image_with_the_environments_tag_tells_the_commit(ecr: "ECRClient", reader: RegistryReader) -> None:
    push(ecr, "old", OLD, "production--2022-01-26--10-00-00", "latest")
    push(ecr, "new", NEW, "production", "production--2022-01-27--19-43-45", "production--2021-01-01--00-00-00")

    assert reader.heads([PRODUCTION]) == {PRODUCTION: Head(NEW, label="production--2022-01-27--19-43-45")}


def test_an_image_without_a_promotion_tag_has_no_label(ecr: "ECRClient", reader: RegistryReader) -> None:
    push(ecr, "new", NEW, "production", "production--soon", "staging--2022-01-27--19-43-45")

    assert reader.heads([PRODUCTION]) == {PRODUCTION: Head(NEW)}


def test_environments_are_answered_together_and_ones_trouble_is_no_others(
    ecr: "ECRClient", reader: RegistryReader
) -> None:
    push(ecr, "old", OLD, "production")
    push(ecr, "new", NEW, "staging")
    staging = Question("candela", Where.HOKUSAI, "staging")
    lost = Question("lost", Where.HOKUSAI, "staging")

    answers = reader.heads([lost, staging, PRODUCTION, staging])

    assert (answers[staging], answers[PRODUCTION]) == (Head(NEW), Head(OLD))
    assert isinstance(answers[lost], StageUnreadable)


def test_no_question_is_no_work(reader: RegistryReader) -> None:
    assert reader.heads([]) == {}


def test_no_image_with_the_tag_is_told(ecr: "ECRClient", reader: RegistryReader) -> None:
    push(ecr, "new", NEW, "staging")

    assert told(reader).trouble is Trouble.GONE
    assert "No image in candela is tagged production" in told(reader).message


def test_an_image_without_a_commit_tag_is_told(ecr: "ECRClient", reader: RegistryReader) -> None:
    push(ecr, "new", "production", "A" * 40, "b" * 39)

    assert told(reader).trouble is Trouble.GONE
    assert "no tag of 40 hex digits" in told(reader).message


def test_a_missing_repository_is_told(reader: RegistryReader) -> None:
    answer = told(reader, Question("lost", Where.HOKUSAI, "production"))

    assert answer.trouble is Trouble.NOT_FOUND
    assert "The registry in us-east-1 has no repository lost" in answer.message


def test_branches_are_no_question_for_a_registry(reader: RegistryReader) -> None:
    assert told(reader, Question("candela", Where.BRANCH, "main")).trouble is Trouble.MISCONFIGURED


@pytest.mark.parametrize(("region", "key_id", "secret"), [("", "k", "s"), (REGION, "", "s"), (REGION, "k", "")])
def test_an_incomplete_profile_is_told(region: str, key_id: str, secret: str) -> None:
    answer = told(RegistryReader(region, key_id, secret))

    assert answer.trouble is Trouble.MISCONFIGURED
    assert "The AWS profile has no" in answer.message


@pytest.mark.parametrize("region", ["us east", "-x", "a/b"])
def test_a_region_that_is_none_is_told(region: str) -> None:
    assert told(RegistryReader(region, KEY_ID, SECRET)).trouble is Trouble.MISCONFIGURED


# --- what ran before --------------------------------------------------------------------------------------------


def test_what_ran_before_is_listed_the_last_promoted_first(ecr: "ECRClient", reader: RegistryReader) -> None:
    push(
        ecr, "rolled back to", OLD, "production", "production--2022-01-20--10-00-00", "production--2022-01-28--10-00-00"
    )
    push(ecr, "rolled back from", NEW, "production--2022-01-27--10-00-00")
    push(ecr, "never there", "c" * 40, "staging", "staging--2022-01-27--19-43-45")

    images = reader.images("candela", "production", 10)

    assert [image.sha for image in images] == [OLD, NEW]
    assert images[0].promotion("production") == "production--2022-01-28--10-00-00"
    assert isinstance(images[0], Image)
    assert images[0].pushed_at.tzinfo is not None


def test_all_pages_are_read_and_the_limit_is_kept(
    ecr: "ECRClient", reader: RegistryReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projects.registry.PAGE_SIZE", 2)
    for number in range(5):
        push(ecr, f"image {number}", f"{number}" * 40, f"production--2022-01-0{number + 1}--10-00-00")

    assert [image.sha for image in reader.images("candela", "production", 3)] == ["4" * 40, "3" * 40, "2" * 40]


def test_a_repository_that_is_missing_has_no_list(reader: RegistryReader) -> None:
    with pytest.raises(StageUnreadable) as caught:
        reader.images("lost", "production", 10)
    assert caught.value.trouble is Trouble.NOT_FOUND


# --- a registry that refuses or fails -----------------------------------------------------------------------------


class _Refusing(BaseHTTPRequestHandler):
    status, body = 400, b""

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the name is the base class's
        """Say nothing."""

    def do_POST(self) -> None:
        self.send_response(self.status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)


@pytest.fixture
def refusing() -> Iterator[tuple[type[_Refusing], str]]:
    """A registry that answers every question alike, and its address."""

    class Handler(_Refusing):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Handler, f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("status", "code", "trouble", "words"),
    [
        (400, "UnrecognizedClientException", Trouble.REFUSED, "does not know the key id"),
        (400, "ExpiredTokenException", Trouble.REFUSED, "has expired"),
        (400, "InvalidSignatureException", Trouble.REFUSED, "does not belong to its key id"),
        (400, "AccessDeniedException", Trouble.REFUSED, "lacks the right ecr:DescribeImages on candela"),
        (400, "InvalidParameterException", Trouble.MISCONFIGURED, "check the spelling"),
        (400, "ThrottlingException", Trouble.LIMITED, "limits how often"),
        (500, "ServerException", Trouble.UNREACHABLE, "an error of its own (500)"),
        (400, "SomethingNew", Trouble.BROKEN_ANSWER, "SomethingNew"),
    ],
)
def test_each_refusal_has_its_own_words(
    refusing: tuple[type[_Refusing], str], status: int, code: str, trouble: Trouble, words: str
) -> None:
    handler, address = refusing
    handler.status = status
    handler.body = json.dumps({"__type": code, "message": f"{KEY_ID} {SECRET}"}).encode()

    answer = told(RegistryReader(REGION, KEY_ID, SECRET, address))

    assert answer.trouble is trouble
    assert words in answer.message
    assert SECRET not in answer.message


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"", b'{"imageDetails": null}', b"{}"])
def test_an_answer_that_makes_no_sense_is_told(refusing: tuple[type[_Refusing], str], body: bytes) -> None:
    handler, address = refusing
    handler.status, handler.body = 200, body

    assert told(RegistryReader(REGION, KEY_ID, SECRET, address)).trouble is Trouble.BROKEN_ANSWER


def test_a_registry_that_cannot_be_reached_is_told() -> None:
    answer = told(RegistryReader(REGION, KEY_ID, SECRET, "http://127.0.0.1:1"))

    assert answer.trouble is Trouble.UNREACHABLE
    assert "cannot be reached" in answer.message


def test_a_registry_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("projects.registry.READ_SECONDS", 0.2)
    monkeypatch.setattr("projects.registry.ATTEMPTS", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answer = told(RegistryReader(REGION, KEY_ID, SECRET, f"http://127.0.0.1:{silent.getsockname()[1]}"))

    assert answer.trouble is Trouble.UNREACHABLE
    assert "did not answer in time" in answer.message
