"""What `make demo` applies: the same YAML that an administrator would write."""

from typing import Any

from tests.demo.company import ORGANIZATION, TOKEN

DAY = 86_400

DESCRIPTIONS = {
    "aurora": ("The storefront that collectors browse", ["web", "collectors"], 3),
    "beacon": ("Search over works, artists and galleries", ["search"], 2),
    "cobalt": ("Resizes and signs images", ["platform"], 2),
    "delta": ("Takes payments and pays galleries", ["payments"], 3),
    "ember": ("Sends mail and notifications", ["collectors"], 1),
    "fresco": ("The content system of the editors", ["web", "editorial"], 2),
    "grove": ("The back office", ["galleries"], 1),
    "harbor": ("Moves events into the warehouse", ["data"], 1),
    "iris": ("Recommends works", ["data", "collectors"], 1),
    "jasper": ("The handbook", ["platform"], 0),
    "kestrel": ("Auction bidding in real time", ["auctions"], 3),
    "lumen": ("The API of the phone apps", ["mobile"], 2),
    "meadow": ("Ships works to collectors", ["payments"], 2),
    "solstice": ("Announces auctions", ["auctions"], 2),
}


def configuration(*, git: str, api_url: str, slack_token: str, webhook: str) -> dict[str, Any]:
    """The whole company. `git` is the address under which the server serves repositories."""
    return {
        "organizations": [
            {
                "name": ORGANIZATION,
                "profiles": [
                    {"name": "github", "kind": "github-token", "secret": TOKEN, "api_url": api_url},
                    {"name": "git", "kind": "basic", "host": "127.0.0.1", "user": "horizon-bot", "secret": TOKEN},
                    {"name": "slack", "kind": "slack-bot", "secret": slack_token},
                    {"name": "aws", "kind": "aws", "region": "us-east-1", "key_id": "AKIADEMO", "secret": "demo"},
                ],
                "projects": [_project(name, git, webhook) for name in DESCRIPTIONS],
            }
        ]
    }


def _project(name: str, git: str, webhook: str) -> dict[str, Any]:
    description, tags, criticality = DESCRIPTIONS[name]
    return {
        "name": name,
        "description": description,
        "tags": tags,
        "criticality": criticality,
        "stages": _stages(name, f"{git}/{ORGANIZATION}/{name}.git", webhook),
    }


def _stages(name: str, remote: str, webhook: str) -> list[dict[str, Any]]:
    profile = "git" if name == "kestrel" else "github"
    stages: list[dict[str, Any]] = [
        {"name": stage, "git_remote": remote, "branch": branch, "profile": profile}
        for stage, branch in (("main", "main"), ("staging", "staging"), ("production", "release"))
    ]
    main, staging, production = stages
    if name == "jasper":
        del production["branch"]
        return [main, production | {"tag_pattern": "v*"}]
    if name == "fresco":
        return [main, staging, {"name": "production", "hokusai": "production", "profile": "aws"}]
    if name in ("aurora", "beacon", "cobalt", "delta", "iris", "lumen", "meadow", "solstice"):
        production["strategies"] = [_strategy(name, webhook)]
    return [main, staging, production]


def _strategy(name: str, webhook: str) -> dict[str, Any]:
    # A bot edits its message; a webhook can only write another one.
    told = {"slack_webhook_urls": [webhook]} if name == "aurora" else {"slack_channels": ["#dev"]}
    return {
        **told,
        "provider": "github pull request",
        "profile": "github",
        "automatic": name != "lumen",
        "base": "release",
        "head": "staging",
        # Delta and meadow are released while you watch; iris is, once its history is healed.
        "merge_after": {"delta": 90, "iris": 60, "meadow": 60}.get(name, DAY),
        "merge_prior_warning": {"delta": 30, "iris": 20, "meadow": 20, "solstice": 60}.get(name, 3600),
    }
