"""The web server gives back what it borrows from PostgreSQL."""

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from django.db import connection

pytestmark = pytest.mark.xdist_group("pages")


def _status(site: str, path: str) -> int:
    page = HTTPConnection(urlsplit(site).netloc, timeout=20)
    try:
        page.request("GET", path)
        return page.getresponse().status
    finally:
        page.close()


def _other_sessions() -> int:
    """How many sessions use the database of the test besides this one, at most a second after they should be gone."""
    count = 0
    with connection.cursor() as cursor:
        for _ in range(20):
            cursor.execute(
                "SELECT count(*), pg_sleep(0.05) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            count = cursor.fetchone()[0]
            if count == 0:
                break
    return count


@pytest.mark.parametrize(("path", "status"), [("/no-such-page/", 404), ("/", 302), ("/admin/login/", 200)])
def test_no_connection_outlives_its_request(live_site: str, path: str, status: int) -> None:
    assert [_status(live_site, path) for _ in range(8)] == [status] * 8
    assert _other_sessions() == 0
