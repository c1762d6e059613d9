"""The container registry of the demo: moto's ECR on 127.0.0.1."""

import json
from datetime import datetime, timedelta

import boto3

from tests.demo.company import ORGANIZATION
from tests.servers.github import GitHubServer

MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
NAME = "fresco"
ENVIRONMENT = "production"


class Registry:
    """The images of fresco, as hokusai tags them."""

    def __init__(self, endpoint_url: str, github: GitHubServer) -> None:
        session = boto3.Session("AKIADEMO", "demo", region_name="us-east-1")
        self._ecr = session.client("ecr", endpoint_url=endpoint_url)
        self._repository = github.repository(f"{ORGANIZATION}/{NAME}")

    def fill(self, now: datetime) -> None:
        """Three promotions of the past; the last is that of the release branch, which runs."""
        self._ecr.create_repository(repositoryName=NAME)
        for revision, days in (("release^2~4", 27), ("release^2~2", 19), ("release^2", 11)):
            self._promote(self._repository.sha(revision), now - timedelta(days=days))

    def promote(self, now: datetime) -> str:
        """Somebody promotes what is on staging; a line that tells it."""
        self._promote(self._repository.sha("staging"), now)
        return f"{NAME}: Eun-ji promoted staging's image to production"

    def _promote(self, sha: str, at: datetime) -> None:
        layer = {
            "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "size": 1,
            "digest": f"sha256:{sha:0>64}",
        }
        manifest = {"schemaVersion": 2, "mediaType": MEDIA_TYPE, "config": layer, "layers": [layer]}
        for tag in (sha, ENVIRONMENT, f"{ENVIRONMENT}--{at:%Y-%m-%d--%H-%M-%S}"):
            self._ecr.put_image(repositoryName=NAME, imageManifest=json.dumps(manifest), imageTag=tag)
