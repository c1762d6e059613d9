"""What the settings promise to the rest."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from horizon.celery import app

PRODUCTION = {
    "DATABASE_URL": "postgresql://horizon:none@127.0.0.1:1/horizon",
    "REDIS_URL": "rediss://127.0.0.1:1/0",
    "HORIZON_SECRET_KEY": "only-for-this-test",
    "HORIZON_ENCRYPTION_KEYS": "dGVzdHMgYW5kIG5vdGhpbmcgZWxzZSB1c2UgdGhpcyE=",
    "HORIZON_PUBLIC_URL": "https://horizon.example.com",
    "HORIZON_DATA_DIR": "/nonexistent",
}


@pytest.fixture
def of_production() -> Callable[..., list[str]]:
    """The values of settings, read by a new process with the environment of production."""

    def values(*names: str, **more: str) -> list[str]:
        code = f"from django.conf import settings; [print(getattr(settings, n)) for n in {names!r}]"
        environment = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "horizon.settings", **PRODUCTION, **more}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=settings.BASE_DIR, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    return values


def test_an_https_address_closes_cookies_and_pins_https(of_production: Callable[..., list[str]]) -> None:
    names = ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE", "SECURE_HSTS_SECONDS", "CSRF_TRUSTED_ORIGINS")
    assert of_production(*names) == ["True", "True", "31536000", "['https://horizon.example.com']"]


def test_headers_of_a_proxy_are_believed_only_when_asked_for(of_production: Callable[..., list[str]]) -> None:
    assert of_production("SECURE_PROXY_SSL_HEADER", "SECURE_SSL_REDIRECT") == ["None", "False"]
    believed = of_production("SECURE_PROXY_SSL_HEADER", "SECURE_SSL_REDIRECT", HORIZON_BEHIND_PROXY="yes")
    assert believed == ["('HTTP_X_FORWARDED_PROTO', 'https')", "True"]


def test_the_public_host_and_the_loopback_are_known(of_production: Callable[..., list[str]]) -> None:
    (hosts,) = of_production("ALLOWED_HOSTS", HORIZON_ALLOWED_HOSTS="other.example.com")
    assert hosts == "['other.example.com', 'horizon.example.com', '127.0.0.1', 'localhost', '[::1]']"


def test_reading_the_settings_of_production_makes_no_file(of_production: Callable[..., list[str]]) -> None:
    assert of_production("DATA_DIR") == ["/nonexistent"]


def test_releases_are_looked_at_every_minute_however_rarely_stages_are_read(
    of_production: Callable[..., list[str]],
) -> None:
    """A notice covers an hour: with a longer pause every pass would find it lapsed, and warn people for ever."""
    assert of_production("RELEASE_INTERVAL", HORIZON_POLL_SECONDS="7300") == ["0:01:00"]
    assert of_production("RELEASE_INTERVAL", HORIZON_POLL_SECONDS="5") == ["0:00:05"]
    assert settings.CELERY_BEAT_SCHEDULE["advance"]["schedule"] == settings.RELEASE_INTERVAL.total_seconds()


def test_everything_that_beat_sends_is_a_task_that_workers_know() -> None:
    app.loader.import_default_modules()
    sent = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert sent <= set(app.tasks)


def test_every_task_goes_to_a_queue_that_a_worker_serves() -> None:
    app.loader.import_default_modules()
    ours = [name for name in app.tasks if not name.startswith("celery.")]
    assert ours
    for name in ours:
        own = getattr(app.tasks[name], "queue", None)
        route = app.amqp.router.route({"queue": own} if own else {}, name)
        assert getattr(route["queue"], "name", route["queue"]) in settings.QUEUES


@pytest.mark.django_db
def test_pages_allow_no_script_but_our_own_and_the_admin_what_it_needs(client: Client) -> None:
    strict = client.get("/accounts/none/").headers["Content-Security-Policy"]
    assert "default-src 'self'" in strict
    assert "unsafe" not in strict
    assert (
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'"
        in client.get("/admin/login/").headers["Content-Security-Policy"]
    )
