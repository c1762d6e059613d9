"""Horizon's settings, in the order of docs/configuration.md. Everything that differs between installations is read
from the environment here and nowhere else."""

import ssl
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from celery.schedules import crontab
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured

from horizon import admin_site, embedded, env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- where the data lives ---------------------------------------------------------------------------------------

DATA_DIR = env.folder("HORIZON_DATA_DIR", BASE_DIR / ".horizon")
ADDRESSES = embedded.addresses(DATA_DIR)
DATABASE_URL = env.text("DATABASE_URL", ADDRESSES.database_url)
REDIS_URL = env.text("REDIS_URL", ADDRESSES.redis_url)
EMBEDDED_POSTGRES = ADDRESSES.database_url == DATABASE_URL
EMBEDDED_VALKEY = ADDRESSES.redis_url == REDIS_URL

DATABASES = {"default": embedded.database_settings(DATABASE_URL)}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "horizon",
        "OPTIONS": {"pool_class": "horizon.cache.SharedPool", "socket_timeout": 2, "socket_connect_timeout": 2},
    }
}

# --- secrets ----------------------------------------------------------------------------------------------------

SECRET_KEY = embedded.secret("HORIZON_SECRET_KEY", DATA_DIR, required=not EMBEDDED_POSTGRES)
ENCRYPTION_KEYS = embedded.encryption_keys("HORIZON_ENCRYPTION_KEYS", DATA_DIR, required=not EMBEDDED_POSTGRES)
ADMIN_PASSWORD = env.text("HORIZON_ADMIN_PASSWORD", "")

# --- web --------------------------------------------------------------------------------------------------------

DEBUG = env.boolean("HORIZON_DEBUG", default=False)
LOG_LEVEL = env.one_of("HORIZON_LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
PORT = env.number("HORIZON_PORT", 8000, least=1, most=65535)
PUBLIC_URL = env.web_address("HORIZON_PUBLIC_URL", f"http://127.0.0.1:{PORT}")
PUBLIC_DASHBOARD = env.boolean("HORIZON_PUBLIC_DASHBOARD", default=False)
BEHIND_PROXY = env.boolean("HORIZON_BEHIND_PROXY", default=False)
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]  # health checks come from there
ALLOWED_HOSTS = [*env.words("HORIZON_ALLOWED_HOSTS"), urlsplit(PUBLIC_URL).hostname or "", *LOOPBACK]
HTTPS = PUBLIC_URL.startswith("https://")
STATIC_ROOT = env.folder("HORIZON_STATIC_ROOT", DATA_DIR / "static")

# --- polling and releasing --------------------------------------------------------------------------------------

POLL_INTERVAL = env.seconds("HORIZON_POLL_SECONDS", 60, least=1, most=86400)
# Releases have moments of their own: a notice covers an hour, closed hours end at a minute.
RELEASE_INTERVAL = min(POLL_INTERVAL, timedelta(seconds=60))
INSECURE_HOSTS = frozenset(env.words("HORIZON_INSECURE_HOSTS"))
SLACK_WEBHOOK_HOSTS = frozenset(["hooks.slack.com", *env.words("HORIZON_SLACK_WEBHOOK_HOSTS")])
SLACK_API_URL = env.web_address("HORIZON_SLACK_HOST", "https://slack.com") + "/api/"
if SLACK_API_URL.startswith("http://") and urlsplit(SLACK_API_URL).hostname not in INSECURE_HOSTS:
    raise ImproperlyConfigured("HORIZON_SLACK_HOST must be https; http only for a host in HORIZON_INSECURE_HOSTS.")
GITHUB_WEBHOOK_SECRETS = env.words("HORIZON_GITHUB_WEBHOOK_SECRETS")
if env.given("HORIZON_GITHUB_WEBHOOK_SECRETS") is not None and not GITHUB_WEBHOOK_SECRETS:
    raise ImproperlyConfigured("HORIZON_GITHUB_WEBHOOK_SECRETS is empty: set a secret, or do not set it at all.")
GITHUB_WEBHOOK_MOST_BYTES = 25 * 1024 * 1024  # GitHub sends no larger ones
MERGES_AT_ONCE = env.number("HORIZON_MERGES_AT_ONCE", 2, least=1, most=1000)
MINIMUM_VERSIONS = {
    "ruby": env.version("MINIMUM_VERSION_RUBY"),
    "node": env.version("MINIMUM_VERSION_NODE"),
    "python": env.version("MINIMUM_VERSION_PYTHON"),
}

# --- Django -----------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "horizon",
    "audit",
    "projects",
    "blocks",
    "releases",
    "dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "horizon.policy.AdminPolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]
ROOT_URLCONF = "horizon.urls"
ASGI_APPLICATION = "horizon.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
LOGIN_URL = "sign-in"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]

REST_FRAMEWORK = {
    # Basic comes first: its WWW-Authenticate makes an answer to strangers a 401.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "projects.basic_auth.BasicAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "dashboard.problems.problem_details",
}
SPECTACULAR_SETTINGS = {"TITLE": "Horizon", "VERSION": "1"}

# --- security of the pages --------------------------------------------------------------------------------------

SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_SSL_REDIRECT = HTTPS and BEHIND_PROXY  # without a proxy that is believed, every request would look like http
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # the rest of the domain is not ours to decide on
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]  # that decision
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # bytes
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}
# Unfold's admin brings Alpine.js, which compiles expressions, and writes styles and a few scripts into its pages.
ADMIN_POLICY = {
    "script-src": [SELF, UNSAFE_INLINE, UNSAFE_EVAL],
    "style-src": [SELF, UNSAFE_INLINE],
}

UNFOLD = admin_site.UNFOLD

# --- log: one line an event, to stderr, with anything that looks like a secret struck out -----------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"secrets": {"()": "horizon.logs.StrikeSecrets"}},
    "formatters": {"line": {"()": "horizon.logs.OneLine"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "filters": ["secrets"], "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
    "loggers": {
        **{app: {"level": LOG_LEVEL} for app in ("audit", "blocks", "dashboard", "horizon", "projects", "releases")},
        "django": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        "django.request": {"level": "ERROR"},  # a 404 is no event
        "django.security.DisallowedHost": {"level": "CRITICAL"},  # scanners make thousands
    },
}

# --- background work (horizon/celery.py says why) ---------------------------------------------------------------

# How many tasks of a queue run at a time. "polls" asks GitHub's API; "hosts" everything that may take long: git hosts,
# registries, files. So neither a large fetch nor a git host that hangs holds up GitHub's projects, or a release.
# "events" does for single projects what "polls" and "actions" do for all: what is pushed shows while they sweep.
QUEUES = {"polls": 2, "hosts": 2, "actions": 2, "events": 3}
CELERY_BROKER_URL = embedded.broker_url(REDIS_URL)
CELERY_BROKER_USE_SSL = {"ssl_cert_reqs": ssl.CERT_REQUIRED} if REDIS_URL.startswith("rediss:") else None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "socket_connect_timeout": 5,
    "socket_timeout": 15,
    "socket_keepalive": True,
    "health_check_interval": 30,
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for ever
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_DEFAULT_QUEUE = "actions"
CELERY_TASK_ROUTES = {f"projects.tasks.{task}": {"queue": "hosts"} for task in ("read_properties", "prune")}
CELERY_TASK_SOFT_TIME_LIMIT = 240  # seconds; tasks that must be quicker set their own
CELERY_TASK_TIME_LIMIT = 300
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 180 * 1024  # KiB; the pool process is replaced after the task
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"

_poll, _releases = POLL_INTERVAL.total_seconds(), RELEASE_INTERVAL.total_seconds()
CELERY_BEAT_SCHEDULE = {
    "poll": {"task": "projects.tasks.poll", "schedule": _poll, "options": {"expires": max(_poll * 0.9, 1)}},
    "heed events and what was asked for": {
        "task": "releases.tasks.heed",
        "schedule": 1,
        "options": {"expires": 5},  # not less: a machine that is busy for a moment must not drop them all
    },
    "advance": {
        "task": "releases.tasks.advance",
        "schedule": _releases,
        "options": {"expires": max(_releases * 0.9, 1)},
    },
    "advance what changed": {
        "task": "releases.tasks.advance_changed",
        "schedule": min(_poll, 3),
        "options": {"expires": 3},
    },
    "follow live": {
        "task": "releases.tasks.follow_live",
        "schedule": _poll,
        "options": {"expires": max(_poll * 0.9, 1)},
    },
    "go back": {"task": "releases.tasks.go_back", "schedule": min(_poll, 3), "options": {"expires": 3}},
    "read properties": {
        "task": "projects.tasks.read_properties",
        "schedule": max(_poll, 30),  # those never read, a week old, or whose default branch moved
        "options": {"expires": max(_poll, 30)},
    },
    "remind of blocks without an end": {
        "task": "releases.tasks.remind",
        "schedule": crontab(minute="7"),  # each block once a week; hourly, so that an outage at one hour delays little
        "options": {"expires": 1800},
    },
    "prune deliveries": {
        "task": "releases.tasks.prune_deliveries",
        "schedule": crontab(minute="43", hour="3"),
        "options": {"expires": 3600},
    },
    "prune": {
        "task": "projects.tasks.prune",
        "schedule": crontab(minute="41", hour="3"),
        "options": {"expires": 3600},
    },
}
