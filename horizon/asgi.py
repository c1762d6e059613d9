"""What a web server such as uvicorn serves."""

import gc
import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "horizon.settings")
_pages = get_asgi_application()

from django.conf import settings  # noqa: E402

from dashboard.live import with_live  # noqa: E402  (apps are ready only now)
from horizon.entrance import behind_proxy, with_whole_bodies  # noqa: E402

application = with_whole_bodies(
    with_live(_pages),
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
    larger={"/webhooks/github": settings.GITHUB_WEBHOOK_MOST_BYTES},
)
if settings.BEHIND_PROXY:
    application = behind_proxy(application)

# A page of 1,000 projects makes enough objects to have the collector look through all that lives, for 0.1 s each time.
# What lives now lives as long as the process: it need not be looked at again.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
