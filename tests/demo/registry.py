"""The container registry of the demo: moto's ECR on 127.0.0.1."""

import json

import boto3

from tests.servers.github import GitHubServer

MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"


def fill_registry(endpoint_url: str, github: GitHubServer, repository: str) -> None:
    """One image runs in production: that of the release branch's last promotion."""
    session = boto3.Session("AKIADEMO", "demo", region_name="us-east-1")
    ecr = session.client("ecr", endpoint_url=endpoint_url)
    name = repository.rpartition("/")[2]
    ecr.create_repository(repositoryName=name)
    sha = github.repository(repository).sha("release^2")
    layer = {
        "mediaType": "application/vnd.docker.image.rootfs.diff.tar.gzip",
        "size": 1,
        "digest": f"sha256:{sha:0>64}",
    }
    manifest = {"schemaVersion": 2, "mediaType": MEDIA_TYPE, "config": layer, "layers": [layer]}
    for tag in (sha, "production", "production--2026-11-13--09-30-00"):
        ecr.put_image(repositoryName=name, imageManifest=json.dumps(manifest), imageTag=tag)
