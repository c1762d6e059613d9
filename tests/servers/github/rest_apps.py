"""REST: GitHub Apps, asked by JWT; and what is left of the hour."""

from __future__ import annotations

import secrets
from datetime import timedelta

from tests.servers.github import show
from tests.servers.github.access import App, Credential, Installation, can_see
from tests.servers.github.messages import Answer
from tests.servers.github.model import Json, Refused, node_id, stamp
from tests.servers.github.rest import Call, route
from tests.servers.github.world import GitHub


def app_of(call: Call) -> App:
    if call.app is None:
        raise Refused(401, "A JSON web token could not be decoded")
    return call.app


@route("GET", "/app")
def get_app(call: Call) -> Answer:
    return Answer.of(app_shown(call.github, app_of(call)))


def app_shown(github: GitHub, app: App) -> Json:
    installed = [one for one in github.installations.values() if one.app is app]
    return {
        "id": app.id,
        "slug": app.slug,
        "node_id": node_id("A", app.id),
        "client_id": f"Iv1.{app.id:016x}",
        "owner": show.user(github, app.owner),
        "name": app.slug,
        "description": "",
        "external_url": github.url,
        "html_url": f"{github.url}/apps/{app.slug}",
        "created_at": stamp(app.created_at),
        "updated_at": stamp(app.created_at),
        "permissions": installed[0].permissions if installed else {"metadata": "read"},
        "events": ["push", "pull_request"],
        "installations_count": len(installed),
    }


@route("GET", "/app/installations")
def list_installations(call: Call) -> Answer:
    app = app_of(call)
    mine = [one for one in call.github.installations.values() if one.app is app]
    return call.page(mine, lambda one: installation_shown(call.github, one))


@route("GET", "/app/installations/{number}")
def get_installation(call: Call) -> Answer:
    return Answer.of(installation_shown(call.github, installation_of(call)))


def installation_of(call: Call) -> Installation:
    found = call.github.installations.get(int(call.arguments["number"]))
    if found is None or found.app is not app_of(call):
        raise Refused(404, "Not Found")
    return found


@route("GET", "{r}/installation")
def get_repository_installation(call: Call) -> Answer:
    owner = call.arguments["owner"].lower()
    for one in call.github.installations.values():
        if one.app is app_of(call) and one.account.lower() == owner:
            return Answer.of(installation_shown(call.github, one))
    raise Refused(404, "Not Found")


def installation_shown(github: GitHub, shown: Installation) -> Json:
    url = f"{github.api_url}/app/installations/{shown.id}"
    account = github.person(shown.account)
    return {
        "id": shown.id,
        "account": show.user(github, shown.account),
        "repository_selection": "all" if shown.repositories is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{github.api_url}/installation/repositories",
        "html_url": f"{github.url}/organizations/{shown.account}/settings/installations/{shown.id}",
        "app_id": shown.app.id,
        "app_slug": shown.app.slug,
        "target_id": account.id,
        "target_type": account.kind.value,
        "permissions": shown.permissions,
        "events": ["push", "pull_request"],
        "created_at": stamp(shown.created_at),
        "updated_at": stamp(shown.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": show.user(github, shown.account) if shown.suspended_at else None,
        "suspended_at": stamp(shown.suspended_at) if shown.suspended_at else None,
    }


@route("POST", "/app/installations/{number}/access_tokens")
def create_token(call: Call) -> Answer:
    """Good for an hour (`installation_token_seconds`); may be narrowed to some repositories and rights."""
    installation = installation_of(call)
    if installation.suspended_at:
        raise Refused(403, "This installation has been suspended")
    permissions = narrowed(installation, call.json.get("permissions"))
    expires = call.github.now() + timedelta(seconds=call.github.installation_token_seconds)
    token = f"ghs_{secrets.token_hex(18)}"
    call.github.credentials[token] = Credential(
        secret=token,
        login=installation.app.bot,
        permissions=permissions,
        repositories=selection(call, installation),
        expires=expires,
        installation=installation,
    )
    answer = {
        "token": token,
        "expires_at": stamp(expires),
        "permissions": permissions,
        "repository_selection": "all" if installation.repositories is None else "selected",
    }
    return Answer.of(answer, 201)


def narrowed(installation: Installation, asked: Json | None) -> dict[str, str]:
    if asked is None:
        return dict(installation.permissions)
    for name, level in asked.items():
        if installation.permissions.get(name) not in {level, "write", "admin"}:
            raise Refused(422, "The permissions requested are not granted to this installation.")
    return {**asked, "metadata": "read"}


def selection(call: Call, installation: Installation) -> frozenset[int] | None:
    ids, names = call.json.get("repository_ids"), call.json.get("repositories")
    if ids is None and names is None:
        return installation.repositories
    found = {one.id for one in call.github.repositories.values() if one.owner.lower() == installation.account.lower()}
    wanted = set(ids or [])
    wanted |= {one.id for one in call.github.repositories.values() if one.id in found and one.name in (names or [])}
    if not wanted or not wanted <= found:
        raise Refused(
            422, "There is at least one repository that does not exist or is not accessible to the parent installation."
        )
    return frozenset(wanted)


@route("GET", "/installation/repositories")
def list_installation_repositories(call: Call) -> Answer:
    installation = call.credential.installation
    if installation is None:
        raise Refused(403, "Resource not accessible by personal access token")
    seen = [
        one
        for one in call.github.repositories.values()
        if one.owner.lower() == installation.account.lower()
        and (call.credential.repositories is None or one.id in call.credential.repositories)
        and can_see(call.credential, one)
    ]
    return call.page(seen, lambda one: show.repository(one, call.credential), key="repositories")
