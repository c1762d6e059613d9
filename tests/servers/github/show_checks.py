"""Statuses, check runs, branches and their rules as the REST API shows them."""

from __future__ import annotations

from tests.servers.github import show
from tests.servers.github.model import CheckRun, CommitStatus, Json, Rule, node_id, stamp
from tests.servers.github.protection import rules_for
from tests.servers.github.repository import Repository


def simple_status(repository: Repository, status: CommitStatus) -> Json:
    github = repository.github
    return {
        "url": f"{github.api_url}/repos/{repository.full_name}/statuses/{status.sha}",
        "avatar_url": show.avatar(github, github.person(status.creator)),
        "id": status.id,
        "node_id": node_id("SC", repository.id, status.id),
        "state": status.state,
        "description": status.description,
        "target_url": status.target_url,
        "context": status.context,
        "created_at": stamp(status.created_at),
        "updated_at": stamp(status.created_at),
    }


def check_run(repository: Repository, run: CheckRun) -> Json:
    github = repository.github
    url = f"{github.api_url}/repos/{repository.full_name}/check-runs/{run.id}"
    page = f"{github.url}/{repository.full_name}/runs/{run.id}"
    return {
        "id": run.id,
        "name": run.name,
        "node_id": node_id("CR", repository.id, run.id),
        "head_sha": run.sha,
        "external_id": "",
        "url": url,
        "html_url": page,
        "details_url": run.details_url or page,
        "status": run.status,
        "conclusion": run.conclusion,
        "started_at": stamp(run.started_at),
        "completed_at": stamp(run.completed_at) if run.completed_at else None,
        "output": {
            "title": None,
            "summary": None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": run.id},
        "app": check_app(repository, run.app),
        "pull_requests": [],
    }


def check_app(repository: Repository, slug: str) -> Json:
    github = repository.github
    return {
        "id": 15368,
        "slug": slug,
        "node_id": node_id("A", slug),
        "owner": show.user(github, "octocat"),
        "name": slug,
        "description": "",
        "external_url": github.url,
        "html_url": f"{github.url}/apps/{slug}",
        "created_at": stamp(repository.created_at),
        "updated_at": stamp(repository.created_at),
        "permissions": {"checks": "write", "metadata": "read"},
        "events": [],
    }


def branch(repository: Repository, name: str) -> Json:
    """A branch with what its classic protection shows to those who may read contents."""
    api = f"{repository.github.api_url}/repos/{repository.full_name}"
    classic = [rule for rule in rules_for(repository, name) if rule.ruleset_id is None]
    contexts = list(dict.fromkeys(check for rule in classic for check in rule.checks))
    level = "off" if not contexts else ("everyone" if any(rule.admins for rule in classic) else "non_admins")
    return {
        "name": name,
        "commit": show.commit(repository, repository.store.refs[f"refs/heads/{name}"]),
        "_links": {
            "self": f"{api}/branches/{name}",
            "html": f"{repository.github.url}/{repository.full_name}/tree/{name}",
        },
        "protected": bool(rules_for(repository, name)),
        "protection": {
            "enabled": bool(classic),
            "required_status_checks": {
                "enforcement_level": level,
                "contexts": contexts,
                "checks": [{"context": context, "app_id": None} for context in contexts],
            },
        },
        "protection_url": f"{api}/branches/{name}/protection",
    }


def protection(repository: Repository, name: str, rules: list[Rule]) -> Json:
    """The whole of classic protection, for administrators."""
    url = f"{repository.github.api_url}/repos/{repository.full_name}/branches/{name}/protection"
    contexts = list(dict.fromkeys(check for rule in rules for check in rule.checks))
    shown: Json = {
        "url": url,
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": any(rule.admins for rule in rules)},
        "required_linear_history": {"enabled": False},
        "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
    }
    if contexts:
        shown["required_status_checks"] = {
            "url": f"{url}/required_status_checks",
            "strict": any(rule.strict for rule in rules),
            "contexts": contexts,
            "contexts_url": f"{url}/required_status_checks/contexts",
            "checks": [{"context": context, "app_id": None} for context in contexts],
        }
    if reviews := max((rule.reviews for rule in rules), default=0):
        shown["required_pull_request_reviews"] = {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "required_approving_review_count": reviews,
            "require_last_push_approval": False,
        }
    return shown


def branch_rules(repository: Repository, name: str) -> list[Json]:
    """What rulesets demand of a branch; classic protection is not in it (netresearch/git-workflow-skill #329)."""
    shown: list[Json] = []
    for rule in rules_for(repository, name):
        if rule.ruleset_id is not None:
            source = {
                "ruleset_source_type": "Repository",
                "ruleset_source": repository.full_name,
                "ruleset_id": rule.ruleset_id,
            }
            shown += [{**entry, **source} for entry in ruleset_entries(rule)]
    return shown


def ruleset_entries(rule: Rule) -> list[Json]:
    entries: list[Json] = []
    if rule.checks:
        checks = [{"context": check} for check in rule.checks]
        parameters = {"strict_required_status_checks_policy": rule.strict, "required_status_checks": checks}
        entries.append({"type": "required_status_checks", "parameters": parameters})
    if rule.reviews or rule.methods:
        parameters = {
            "required_approving_review_count": rule.reviews,
            "dismiss_stale_reviews_on_push": False,
            "require_code_owner_review": False,
            "require_last_push_approval": False,
            "required_review_thread_resolution": False,
            "allowed_merge_methods": list(rule.methods or ("merge", "squash", "rebase")),
        }
        entries.append({"type": "pull_request", "parameters": parameters})
    if rule.merge_queue:
        parameters = {
            "check_response_timeout_minutes": 60,
            "grouping_strategy": "ALLGREEN",
            "max_entries_to_build": 5,
            "max_entries_to_merge": 5,
            "merge_method": "MERGE",
            "min_entries_to_merge": 1,
            "min_entries_to_merge_wait_minutes": 5,
        }
        entries.append({"type": "merge_queue", "parameters": parameters})
    return entries
