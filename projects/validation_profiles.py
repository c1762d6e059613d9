"""The rules of profiles and of their secrets, shared by the admin and by YAML files (see projects/validation.py)."""

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from django.conf import settings

from projects import remotes
from projects.models import Profile
from projects.validation import CONTROLS, GIT_KINDS, Problem, Problems, name_problems, text_problems

LONGEST_SECRET = 20_000
_REGION = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.*?)-----END \1-----", re.DOTALL)

Kind = Profile.Kind
FIELDS_OF_KIND: dict[str, tuple[str, ...]] = {
    Kind.GITHUB_TOKEN: ("api_url",),
    Kind.GITHUB_APP: ("api_url", "app_id", "installation_id"),
    Kind.BASIC: ("host", "user"),
    Kind.AWS: ("region", "key_id"),
    Kind.SLACK_BOT: (),
}
FIELDS_OF_SOME_KIND = ("api_url", "app_id", "installation_id", "host", "user", "region", "key_id")
SECRET_OF_KIND: dict[str, str] = {
    Kind.GITHUB_TOKEN: "the token",
    Kind.GITHUB_APP: "the App's private key, the text of the .pem file,",
    Kind.BASIC: "the password",
    Kind.AWS: "the secret access key",
    Kind.SLACK_BOT: "the bot's token",
}


def label_of(name: str) -> str:
    return str(getattr(Profile._meta.get_field(name), "verbose_name", name))


def tidy_profile(profile: Profile) -> None:
    """Bring a profile into its one spelling: the default API address, lower-case hosts, no path after a host."""
    if profile.is_github:
        profile.api_url = profile.api_url or Profile.DEFAULT_API_URL
        try:
            profile.api_url = remotes.check_api_url(profile.api_url, settings.INSECURE_HOSTS)
        except remotes.UnsafeRemote:
            return  # api_url_problems tells why
    profile.host = profile.host.lower()


def profile_problems(profile: Profile) -> Problems:
    """What is wrong with a profile but for its secret."""
    yield from name_problems(profile.name, "profile")
    yield from text_problems(profile)
    needed = FIELDS_OF_KIND.get(profile.kind)
    if needed is None:
        return
    for name in FIELDS_OF_SOME_KIND:
        value = getattr(profile, name)
        label = label_of(name)
        if name in needed and not value:
            yield Problem(name, f"A {profile.kind} profile needs the {label} ({name}).")
        elif name not in needed and value:
            yield Problem(name, f"A {profile.kind} profile has no {label} ({name}): leave it empty.")
    yield from _problems_of_address(profile)


def _problems_of_address(profile: Profile) -> Problems:
    if profile.is_github and profile.api_url:
        yield from _problems_of_api_url(profile.api_url)
    if profile.kind == Kind.BASIC and profile.host:
        yield from _problems_of_host(profile.host)
    if profile.kind == Kind.GITHUB_APP and profile.installation_id and not profile.installation_id.isdecimal():
        yield Problem(
            "installation_id",
            "The installation ID is a number: the last part of the address of the App's installation.",
        )
    if profile.kind == Kind.AWS and profile.region and not _REGION.fullmatch(profile.region):
        yield Problem("region", "The region is no name of an AWS region: write for example us-east-1.")


def _problems_of_api_url(api_url: str) -> Problems:
    try:
        canonical = remotes.check_api_url(api_url, settings.INSECURE_HOSTS)
    except remotes.UnsafeRemote as error:
        yield Problem("api_url", str(error))
        return
    if remotes.same_host(canonical, "github.com") or remotes.same_host(canonical, "www.github.com"):
        yield Problem("api_url", f"That is GitHub's website: its API is at {Profile.DEFAULT_API_URL}.")


def _problems_of_host(host: str) -> Problems:
    if "/" in host:
        yield Problem("host", "Write the host alone, without https:// and path, for example git.heroku.com.")
        return
    try:
        remotes.check_api_url(f"https://{host}", ())
    except remotes.UnsafeRemote as error:
        yield Problem("host", str(error))


def secret_outdated(profile: Profile, stored: Profile) -> str | None:
    """The name of the field whose change means that the stored secret must not be used further: it would go to another
    host, or is another kind of secret."""
    if profile.kind != stored.kind:
        return "kind"
    names = ("api_url", "host") if profile.kind in GIT_KINDS else ()
    return next((name for name in names if getattr(profile, name) != getattr(stored, name)), None)


def secret_missing_problem(profile: Profile, outdated: str | None = None) -> Problem:
    """The sentence for a profile without a usable secret; `outdated` is the field whose change made it unusable."""
    what = SECRET_OF_KIND.get(profile.kind, "the secret")
    if outdated is None:
        return Problem("secret", f"Give {what.removesuffix(',')} (secret): without it the profile can do nothing.")
    label = label_of(outdated)
    return Problem(
        "secret",
        f"The {label} ({outdated}) has changed: give {what.removesuffix(',')} (secret) again. The stored one is for "
        "where it was given, and is sent nowhere else.",
    )


def normalised_secret(clear: str, kind: str) -> str:
    r"""A secret as it was meant: without space around it; a PEM key that lost its line breaks (a one-line input, `\n`
    in an environment variable) gets them back."""
    clear = clear.strip()
    if kind != Kind.GITHUB_APP:
        return clear
    match = _PEM.search(clear.replace("\\n", "\n"))
    if match is None or ":" in match[2]:  # with headers, as a key with a passphrase has them
        return clear
    body = re.sub(r"\s+", "", match[2])
    lines = [body[start : start + 64] for start in range(0, len(body), 64)]
    return "\n".join([f"-----BEGIN {match[1]}-----", *lines, f"-----END {match[1]}-----", ""])


def secret_problems(clear: str, kind: str) -> Problems:
    """What is wrong with a secret that was given, already normalised. The sentences never repeat it."""
    if len(clear) > LONGEST_SECRET:
        yield Problem("secret", f"The secret is longer than {LONGEST_SECRET} characters: that is no {kind} secret.")
    elif kind == Kind.GITHUB_APP:
        yield from _problems_of_key(clear)
    elif CONTROLS.search(clear):
        yield Problem("secret", "The secret holds line breaks or control characters: copy it again.")
    elif kind != Kind.BASIC and (not clear.isascii() or " " in clear):
        yield Problem("secret", "The secret holds spaces or letters that no token has: copy it again.")


def _problems_of_key(clear: str) -> Problems:
    try:
        key = load_pem_private_key(clear.encode(), password=None)
    except TypeError:
        yield Problem("secret", "The App's private key is protected by a passphrase: give it without one.")
    except (ValueError, UnsupportedAlgorithm):
        yield Problem(
            "secret",
            "The secret is no private key. Generate one on the App's settings page at GitHub and give the whole text "
            "of the .pem file, from -----BEGIN RSA PRIVATE KEY----- to -----END RSA PRIVATE KEY-----.",
        )
    else:
        if not isinstance(key, RSAPrivateKey):
            yield Problem("secret", "The private key is no RSA key: give the one that GitHub generated for the App.")
