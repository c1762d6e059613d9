"""The container registry (AWS ECR) as a source of stages: which commit's image bears an environment's tag.

The only module that sees boto3. An image bears three kinds of tags: the commit (40 hex digits) it was built from, the
environment that runs it (`production`), and when it was promoted there (`production--2022-01-27--19-43-45`).
"""

import functools
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, TypedDict, TypeVar

from projects.cleaning import clean_line
from projects.reading import Head, Question, StageUnreadable, Trouble, Where

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.exceptions import ClientError
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import DescribeImagesResponseTypeDef, ImageDetailTypeDef

T = TypeVar("T")

CONNECT_SECONDS, READ_SECONDS, ATTEMPTS = 5, 10, 2
AT_ONCE = 8
PAGE_SIZE = 1000
_SENSELESS = "The registry answered something that is not AWS: check the profile's region and the network."
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PROMOTED_AT = re.compile(r"\d{4}-\d{2}-\d{2}--\d{2}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Image:
    """An image in the registry; `sha` is the commit that it was built from, None where no tag says so."""

    pushed_at: datetime
    tags: tuple[str, ...]
    sha: str | None

    def promotion(self, environment: str) -> str | None:
        """The latest tag that says when the image was promoted to an environment."""
        prefix = f"{environment}--"
        return max((tag for tag in self.tags if _is_promotion(tag, prefix)), default=None)


class RegistryReader:
    """Reads one region's registry with one key. May be used by several threads. Raises `StageUnreadable` only."""

    def __init__(self, region: str, key_id: str, secret: str, endpoint_url: str | None = None) -> None:
        self._region = region
        self._key_id = key_id
        self._secret = secret
        self._endpoint_url = endpoint_url
        self._making = threading.Lock()

    def heads(self, questions: Iterable[Question]) -> dict[Question, Head | StageUnreadable]:
        """The commit that each environment runs; `Head.label` is when it was promoted, where a tag says so."""
        asked = list(dict.fromkeys(questions))
        if not asked:
            return {}
        with ThreadPoolExecutor(min(AT_ONCE, len(asked)), "registry") as pool:
            return dict(zip(asked, pool.map(self._answer, asked), strict=True))

    def images(self, repository: str, environment: str, limit: int = 20) -> list[Image]:
        """The images that run or ran in an environment, the one promoted last first."""
        prefix = f"{environment}--"
        ran = [
            image
            for image in self._guarded(lambda: list(self._all_images(repository)), repository, environment)
            if any(tag == environment or _is_promotion(tag, prefix) for tag in image.tags)
        ]
        ran.sort(key=lambda image: (image.promotion(environment) or "", image.pushed_at), reverse=True)
        return ran[:limit]

    def _answer(self, question: Question) -> Head | StageUnreadable:
        try:
            return self._head(question)
        except StageUnreadable as trouble:
            return trouble

    def _head(self, question: Question) -> Head:
        if question.where is not Where.HOKUSAI:
            raise StageUnreadable(
                Trouble.MISCONFIGURED,
                "A registry knows no branches and tags of git: choose a profile of a git host, or none.",
            )
        repository, environment = question.remote, question.name
        found = self._guarded(lambda: self._tagged(repository, environment), repository, environment)
        if not found:
            raise _no_image(repository, environment)
        image = max(found, key=lambda each: each.pushed_at)
        if image.sha is None:
            raise StageUnreadable(
                Trouble.GONE,
                f"The image tagged {environment} in {repository} has no tag of 40 hex digits that names its commit: "
                "push images with their commit as a tag.",
            )
        return Head(image.sha, label=image.promotion(environment))

    def _tagged(self, repository: str, tag: str) -> list[Image]:
        answer = self._client.describe_images(repositoryName=repository, imageIds=[{"imageTag": tag}])
        return _images(answer)

    def _all_images(self, repository: str) -> Iterator[Image]:
        pages = self._client.get_paginator("describe_images").paginate(
            repositoryName=repository, filter={"tagStatus": "TAGGED"}, PaginationConfig={"PageSize": PAGE_SIZE}
        )
        for page in pages:
            yield from _images(page)

    @property
    def _client(self) -> "ECRClient":
        with self._making:  # making clients is not safe in several threads, using them is
            return self._make_client

    @functools.cached_property
    def _make_client(self) -> "ECRClient":
        import boto3

        return boto3.session.Session().client("ecr", config=_config(), **self._where)

    @property
    def _where(self) -> "_Where":
        return {
            "region_name": self._region,
            "aws_access_key_id": self._key_id,
            "aws_secret_access_key": self._secret,
            "endpoint_url": self._endpoint_url,
        }

    def identity(self) -> str:
        """Whom AWS knows the key as, e.g. `arn:aws:iam::123456789012:user/horizon`; every valid key may ask this."""
        import boto3

        def ask() -> str:
            return boto3.session.Session().client("sts", config=_config(), **self._where).get_caller_identity()["Arn"]

        return clean_line(self._guarded(ask, "", ""), 200)

    def _guarded(self, ask: Callable[[], T], repository: str, environment: str) -> T:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        missing = [
            name
            for name, value in (("region", self._region), ("key id", self._key_id), ("secret", self._secret))
            if not value
        ]
        if missing:
            raise StageUnreadable(
                Trouble.MISCONFIGURED, f"The AWS profile has no {' and no '.join(missing)}: enter it in the profile."
            )
        try:
            return ask()
        except ClientError as error:
            raise _refusal(error, repository, environment, self._region) from None
        except (BotoCoreError, ResponseParserError, ValueError) as error:
            raise _failure(error, self._region) from None


class _Where(TypedDict):
    region_name: str
    aws_access_key_id: str
    aws_secret_access_key: str
    endpoint_url: str | None


def _config() -> "Config":
    from botocore.config import Config

    return Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
        max_pool_connections=AT_ONCE,
    )


def _images(answer: "DescribeImagesResponseTypeDef") -> list[Image]:
    # What is no AWS answers 200 with a page, too: boto3 then gives an answer without the list.
    if answer.get("imageDetails") is None:
        raise StageUnreadable(Trouble.BROKEN_ANSWER, _SENSELESS)
    return [_image(detail) for detail in answer["imageDetails"]]


def _image(detail: "ImageDetailTypeDef") -> Image:
    tags = tuple(sorted(detail.get("imageTags", [])))
    return Image(detail["imagePushedAt"], tags, next((tag for tag in tags if _COMMIT.fullmatch(tag)), None))


def _is_promotion(tag: str, prefix: str) -> bool:
    return tag.startswith(prefix) and _PROMOTED_AT.fullmatch(tag, len(prefix)) is not None


def _no_image(repository: str, environment: str) -> StageUnreadable:
    return StageUnreadable(
        Trouble.GONE,
        f"No image in {repository} is tagged {environment}: check the environment's name, or promote an image to it.",
    )


# --- errors in words --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Error codes of AWS (its ECR reference: "Common error types", and DescribeImages) and what they mean."""

    codes: frozenset[str]
    trouble: Trouble
    sentence: str


_REFUSALS = (
    _Refusal(
        frozenset({"UnrecognizedClientException", "InvalidClientTokenId", "MissingAuthenticationToken", "AuthFailure"}),
        Trouble.REFUSED,
        "AWS does not know the key id of the profile: it is wrong, or the key was deleted. Enter a valid key.",
    ),
    _Refusal(
        frozenset({"ExpiredTokenException", "ExpiredToken"}),
        Trouble.REFUSED,
        "The AWS key of the profile has expired: enter a new one.",
    ),
    _Refusal(
        frozenset(
            {"InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "RequestTimeTooSkewed"}
        ),
        Trouble.REFUSED,
        "AWS does not accept the signature: the profile's secret does not belong to its key id, or this machine's "
        "clock is wrong by more than five minutes.",
    ),
    _Refusal(
        frozenset({"AccessDeniedException", "AccessDenied", "OptInRequired"}),
        Trouble.REFUSED,
        "The AWS key of the profile lacks the right ecr:DescribeImages on {repository}: give it to its user.",
    ),
    _Refusal(
        frozenset({"RepositoryNotFoundException"}),
        Trouble.NOT_FOUND,
        "The registry in {region} has no repository {repository}: check its name, and the region of the profile.",
    ),
    _Refusal(
        frozenset({"InvalidParameterException", "ValidationException"}),
        Trouble.MISCONFIGURED,
        "The registry does not accept {repository} as a repository or {environment} as a tag: check the spelling.",
    ),
    _Refusal(
        frozenset(
            {"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "SlowDown"}
        ),
        Trouble.LIMITED,
        "AWS limits how often it may be asked with this key: it will be asked again later.",
    ),
)


def _refusal(error: "ClientError", repository: str, environment: str, region: str) -> StageUnreadable:
    code = error.response.get("Error", {}).get("Code", "")
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code == "ImageNotFoundException":
        return _no_image(repository, environment)
    for refusal in _REFUSALS:
        if code in refusal.codes:
            words = refusal.sentence.format(repository=repository, environment=environment, region=region)
            return StageUnreadable(refusal.trouble, words)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return StageUnreadable(Trouble.UNREACHABLE, f"AWS reports an error of its own ({status}): it is asked again.")
    return StageUnreadable(Trouble.BROKEN_ANSWER, f"AWS refused the question: {clean_line(code, 80) or status}.")


def _failure(error: Exception, region: str) -> StageUnreadable:
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    if isinstance(error, exceptions.SSLError):
        return StageUnreadable(Trouble.UNREACHABLE, "The TLS certificate of the registry is not trusted.")
    if isinstance(error, exceptions.ConnectTimeoutError | exceptions.ReadTimeoutError):
        return StageUnreadable(
            Trouble.UNREACHABLE, f"The registry in {region} did not answer in time: it will be asked again."
        )
    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return StageUnreadable(
            Trouble.UNREACHABLE,
            f"The registry in {region} cannot be reached: check the profile's region and the network.",
        )
    if isinstance(error, ResponseParserError):
        return StageUnreadable(Trouble.BROKEN_ANSWER, _SENSELESS)
    return StageUnreadable(
        Trouble.MISCONFIGURED, f"The AWS profile cannot work ({type(error).__name__}): check its region and key."
    )
