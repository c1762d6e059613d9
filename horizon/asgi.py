"""What a web server such as uvicorn serves."""

import os
from typing import cast

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "horizon.settings")
_pages = get_asgi_application()

from dashboard.live import Application, with_live  # noqa: E402  (apps are ready only now)

application = with_live(cast("Application", _pages))
