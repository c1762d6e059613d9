"""`manage.py web`: serves the pages and the API."""

import logging
import warnings
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from horizon import env

logger = logging.getLogger(__name__)
GRACE = 3  # seconds that open requests and live tabs have at the end


class Command(BaseCommand):
    help = "Serve the pages and the API."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default 127.0.0.1)")
        parser.add_argument("--port", type=int, default=settings.PORT, help="default: HORIZON_PORT")

    def handle(self, *_: Any, **options: Any) -> None:
        if not settings.EMBEDDED_POSTGRES:  # else `up` has said so
            for warning in env.unknown():
                logger.warning(warning)
        # Of WhiteNoise, which serves static files: they are read from the disk, and a person can do nothing about it.
        warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")
        # The streams of open pages last until the end: that they are cut off then is no error.
        logging.getLogger("uvicorn.error").addFilter(
            lambda record: "graceful shutdown exceeded" not in record.getMessage()
        )
        uvicorn.run(
            "horizon.asgi:application",
            host=options["host"],
            port=options["port"],
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # horizon.entrance reads them: uvicorn would believe the first address, anybody's
            timeout_graceful_shutdown=GRACE,
        )
