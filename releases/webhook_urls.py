"""Slack webhook URLs: secrets, stored one a line, shown masked."""

from urllib.parse import urlsplit

from projects.secrets import Secret, SecretUnreadable

SHOWN = 4  # letters of the end


def urls_of(stored: Secret) -> list[str]:
    """The URLs in clear. Raises SecretUnreadable."""
    return stored.reveal().split()


def as_secret(urls: list[str]) -> Secret:
    return Secret.of("\n".join(urls))


def masked(stored: Secret) -> list[str]:
    """Enough of each URL to tell one from another: the host and the last letters."""
    try:
        return [f"{_host(url)}/…{url[-SHOWN:]}" for url in urls_of(stored)]
    except SecretUnreadable:
        return ["a URL that can no longer be decrypted: give it again"]


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}"
