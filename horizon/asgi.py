"""What a web server such as uvicorn serves."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "horizon.settings")
_pages = get_asgi_application()

from dashboard.live import with_live  # noqa: E402  (apps are ready only now)

application = with_live(_pages)
