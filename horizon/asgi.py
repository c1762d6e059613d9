"""What a web server such as uvicorn serves."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "horizon.settings")
application = get_asgi_application()
