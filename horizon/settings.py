"""Horizon's settings, in the order of docs/configuration.md. Everything that differs between installations is read
from the environment here and nowhere else."""

from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from horizon import embedded, env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- where the data lives ---------------------------------------------------------------------------------------

DATA_DIR = env.folder("HORIZON_DATA_DIR", BASE_DIR / ".horizon")
ADDRESSES = embedded.addresses(DATA_DIR)
DATABASE_URL = env.text("DATABASE_URL", ADDRESSES.database_url)
REDIS_URL = env.text("REDIS_URL", ADDRESSES.redis_url)
EMBEDDED = DATABASE_URL == ADDRESSES.database_url

DATABASES = {"default": embedded.database_settings(DATABASE_URL)}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "horizon",
    }
}

# --- secrets ----------------------------------------------------------------------------------------------------

SECRET_KEY = embedded.secret("HORIZON_SECRET_KEY", DATA_DIR, required=not EMBEDDED)
ENCRYPTION_KEYS = embedded.encryption_keys("HORIZON_ENCRYPTION_KEYS", DATA_DIR, required=not EMBEDDED)
ADMIN_PASSWORD = env.text("HORIZON_ADMIN_PASSWORD", "")

# --- web --------------------------------------------------------------------------------------------------------

DEBUG = env.boolean("HORIZON_DEBUG", default=False)
PORT = env.number("HORIZON_PORT", 8000, least=1, most=65535)
ALLOWED_HOSTS = env.words("HORIZON_ALLOWED_HOSTS", "127.0.0.1,localhost,[::1]")
PUBLIC_URL = env.text("HORIZON_PUBLIC_URL", f"http://127.0.0.1:{PORT}").rstrip("/")
PUBLIC_DASHBOARD = env.boolean("HORIZON_PUBLIC_DASHBOARD", default=False)
HTTPS = PUBLIC_URL.startswith("https://")

# --- polling and releasing --------------------------------------------------------------------------------------

POLL_INTERVAL = env.seconds("HORIZON_POLL_SECONDS", 60, least=1, most=86400)
INSECURE_HOSTS = frozenset(env.words("HORIZON_INSECURE_HOSTS"))
SLACK_WEBHOOK_HOSTS = frozenset(["hooks.slack.com", *env.words("HORIZON_SLACK_WEBHOOK_HOSTS")])
GITHUB_WEBHOOK_SECRETS = env.words("HORIZON_GITHUB_WEBHOOK_SECRETS")
if "HORIZON_GITHUB_WEBHOOK_SECRETS" in env.os.environ and not GITHUB_WEBHOOK_SECRETS:
    raise ImproperlyConfigured("HORIZON_GITHUB_WEBHOOK_SECRETS is empty: set a secret, or do not set it at all.")
MERGES_AT_ONCE = env.number("HORIZON_MERGES_AT_ONCE", 2, least=1, most=1000)

# --- Django -----------------------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
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
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
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
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {"TITLE": "Horizon", "VERSION": "1"}

# --- Celery -----------------------------------------------------------------------------------------------------

CELERY_BROKER_URL = REDIS_URL
