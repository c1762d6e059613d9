"""POST /webhooks/github: what GitHub tells, heard in a moment and worked on later.

A delivery is checked, remembered as a row and told to the workers, no more: GitHub waits ten seconds and sends nothing
twice by itself. The row is the work; the message to the workers only saves the time until the next tick finds it.
"""

import hashlib
import hmac
import logging
from datetime import datetime
from http import HTTPStatus

from celery.exceptions import OperationalError as BrokerError
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from kombu.exceptions import OperationalError as QueueError
from redis import RedisError

from releases import tasks, webhooks_look
from releases.models import WebhookDelivery
from releases.webhooks_payload import FORM, JSON, LONGEST_ID, LONGEST_NAME, Event, Malformed, event_of

logger = logging.getLogger(__name__)

LONGEST_APP = 50


class Refused(Exception):
    """The answer to what is not taken."""

    def __init__(self, status: HTTPStatus, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


@csrf_exempt
def github(request: HttpRequest) -> HttpResponse:
    """202: it will be looked at (or nothing follows from it); 200: that was done before."""
    try:
        body = _signed_body(request)
        app, delivery = _identity(request)
        event = _event(request, body)
    except Refused as refused:
        return JsonResponse({"detail": refused.detail}, status=refused.status, headers=refused.headers)
    return _answer(*_remember(app, delivery, event, timezone.now()))


def _signed_body(request: HttpRequest) -> bytes:
    """The body, when one of the secrets signed it."""
    if request.method != "POST":
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, "GitHub sends its events here, by POST.", Allow="POST")
    if not settings.GITHUB_WEBHOOK_SECRETS:
        raise Refused(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "Horizon has no secret of webhooks: set HORIZON_GITHUB_WEBHOOK_SECRETS (docs/github.md).",
        )
    most: int = settings.GITHUB_WEBHOOK_MOST_BYTES
    announced = request.headers.get("Content-Length", "")
    if announced.isdecimal() and int(announced[:20]) > most:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "GitHub sends no more than 25 MB.")
    body = request.read(most + 1)  # not request.body: that obeys the lower limit of forms
    if len(body) > most:
        raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "GitHub sends no more than 25 MB.")
    if not _is_signed(body, request.headers.get("X-Hub-Signature-256", "")):
        raise Refused(
            HTTPStatus.UNAUTHORIZED,
            "The signature (X-Hub-Signature-256) is missing, or made with a secret that Horizon does not know.",
        )
    return body


def _is_signed(body: bytes, signature: str) -> bool:
    """Whether any of the secrets makes this signature; as slow for a nearly right one as for any other."""
    given = signature.encode("utf-8", "replace")
    made = [hmac.new(key.encode(), body, hashlib.sha256).hexdigest() for key in settings.GITHUB_WEBHOOK_SECRETS]
    return any(hmac.compare_digest(f"sha256={each}".encode(), given) for each in made)


def _identity(request: HttpRequest) -> tuple[str, str]:
    """Who sent it, and under which id: two Apps may send the same id."""
    headers = request.headers
    delivery = headers.get("X-GitHub-Delivery", "")
    names = ("X-GitHub-Hook-Installation-Target-Type", "X-GitHub-Hook-Installation-Target-ID", "X-GitHub-Hook-ID")
    app = "/".join(headers.get(name, "") for name in names)
    if not delivery or len(delivery) > LONGEST_ID or not (delivery + app).isprintable():
        raise Refused(HTTPStatus.BAD_REQUEST, "X-GitHub-Delivery, the id of the delivery, is missing or none.")
    return app[:LONGEST_APP], delivery


def _event(request: HttpRequest, body: bytes) -> Event:
    name = request.headers.get("X-GitHub-Event", "")
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refused(HTTPStatus.BAD_REQUEST, "X-GitHub-Event, the name of the event, is missing or none.")
    if request.content_type not in (JSON, FORM):
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"Choose the content type {JSON} for the webhook.")
    try:
        return event_of(name, request.content_type or "", body)
    except Malformed as malformed:
        raise Refused(HTTPStatus.BAD_REQUEST, str(malformed)) from None


def _remember(app: str, delivery: str, event: Event, now: datetime) -> tuple[WebhookDelivery, bool]:
    """The row of this delivery, and whether it is new."""
    return WebhookDelivery.objects.get_or_create(
        app=app,
        delivery=delivery,
        defaults={
            "event": event.name,
            "action": event.action,
            "host_id": event.host_id,
            "path": event.path,
            "ref": event.ref,
            "installation": event.installation,
            "received_at": now,
            "processed_at": None if event.heeded else now,
        },
    )


def _answer(row: WebhookDelivery, is_new: bool) -> HttpResponse:
    if row.processed_at is None:
        _send_for_work(row)
        return JsonResponse({"detail": "Horizon looks there."}, status=HTTPStatus.ACCEPTED)
    if not is_new:
        return JsonResponse({"detail": "This delivery was processed before."})
    return JsonResponse({"detail": f"Nothing follows from {row.event}."}, status=HTTPStatus.ACCEPTED)


def _send_for_work(row: WebhookDelivery) -> None:
    """One message for all that came before a worker takes it; where it cannot be sent, the next tick finds the row."""
    try:
        if webhooks_look.claim_message():
            tasks.heed.apply_async(expires=webhooks_look.MESSAGE_LASTS, retry=False)
    except (RedisError, BrokerError, QueueError, OSError) as error:
        logger.warning("the delivery %s waits for the next tick: %s", row.delivery, error)
