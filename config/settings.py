"""One settings file for demo, tests and production. Every default runs; `docs/settings.md` lists the variables."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import dj_database_url
from csp.constants import NONCE, NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.urls import reverse_lazy

from apps.lib import email_url, storage_url
from config import amounts, env, logs, schedule
from config.amounts import *  # noqa: F403
from config.theme import UNFOLD  # noqa: F401

ROOT = Path(__file__).resolve().parent.parent
VAR = env.folder("KEEPTRACK_VAR", ROOT / "var")

# --- The site -----------------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
SECRET_KEY = env.secret("SECRET_KEY", kept_in=VAR / "secret_key")
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
SITE_URL = env.url("SITE_URL", "http://127.0.0.1:8000", schemes=("http", "https")).rstrip("/")
SECURE = SITE_URL.startswith("https://")
ALLOWED_HOSTS = [*dict.fromkeys([urlsplit(SITE_URL).hostname, *env.words("ALLOWED_HOSTS", ("127.0.0.1", "localhost"))])]
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_AGE = int(timedelta(days=7).total_seconds())  # S4-09
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", 31_536_000 if SECURE else 0)
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
BEHIND_PROXY = env.flag("BEHIND_PROXY")
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

# E-mail is unique without regard to case, by a constraint on Lower("email") that this check does not know.
SILENCED_SYSTEM_CHECKS = ["auth.W004"]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.headless",
    "apps.accounts",
    "apps.catalog",
    "apps.uploads",
    "apps.archive",
    "apps.playlists",
    "apps.social",
]

MIDDLEWARE = [
    "config.limits.bounded_bodies",
    "config.limits.without_nul",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.caching.private_when_signed_in",
    "config.csp.inline_pages",
    "config.limits.even_time",
    "apps.accounts.sessions.Sessions",
    "django.middleware.common.CommonMiddleware",
    "config.limits.FilesBeforeTheyAreRead",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "apps.lib.doors.named",
    "apps.social.api.old.told",
    "config.pages.Refused",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "apps.accounts.context.bell",
            ]
        },
    }
]

# --- Servers ------------------------------------------------------------------------------------------------------
# The defaults are the embedded servers that `bin/up` runs, reached by their sockets below VAR.
DATABASE_URL = env.url(
    "DATABASE_URL",
    f"postgresql://keeptrack@/keeptrack?host={quote(str(VAR / 'run'), safe='')}",
    schemes=("postgres", "postgresql"),
)
REDIS_URL = env.url("REDIS_URL", f"unix://{VAR}/run/valkey.sock", schemes=("redis", "rediss", "unix"))
STORAGE_URL = env.url("STORAGE_URL", f"file://{VAR}/blobs", schemes=("file", "s3"))
COPY_URL = env.text("COPY_URL")  # where every stored file has its copy; empty: nowhere

DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}
DATABASES["default"]["OPTIONS"] = {
    **DATABASES["default"].get("OPTIONS", {}),
    # The planner must never wait on a forgotten lock, and the day is the UTC day whoever asks. Who wants a row that is
    # changed in bulk is told so before all threads of the web wait for it.
    "options": "-c timezone=UTC -c statement_timeout=30s -c lock_timeout=8s -c idle_in_transaction_session_timeout=60s",
    # A statement whose values travel apart from it (`lib.shape.run`) is planned once per connection.
    "prepare_threshold": 1,
}
_CACHE = {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
CACHES = {
    # A cache that hangs must not hang a sign-in, and even less what is only counted there.
    "default": {**_CACHE, "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2}},
    "rates": {**_CACHE, "OPTIONS": {"socket_timeout": 0.25, "socket_connect_timeout": 0.25}},
}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    **storage_url.places_from_urls(STORAGE_URL, COPY_URL),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
SPOOL = env.folder("SPOOL_DIR", VAR / "spool")
SPOOL_RESERVE_BYTES = env.number("SPOOL_RESERVE_BYTES", 500_000_000)
IMPORT_FOLDER = env.folder("IMPORT_FOLDER", VAR / "import")  # whose folders the admin offers to bring in

STATIC_URL = "/static/"
STATIC_ROOT = env.folder("STATIC_ROOT", VAR / "static")
STATICFILES_DIRS = [ROOT / "static"]
WHITENOISE_MAX_AGE = 3600

# --- People -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["apps.accounts.backends.EmailBackend"]
SESSION_ENGINE = "apps.accounts.sessions"
LOGIN_URL = reverse_lazy("account_login")
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"
PASSWORD_RESET_TIMEOUT = 3600  # S4-10
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.ScryptPasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    "apps.accounts.hashers.LegacyBcrypt",
]
ACCOUNT_ADAPTER = "apps.accounts.adapter.Accounts"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SIGNUP_FORM_CLASS = "apps.accounts.forms.SignUp"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_CONFIRMATION_EXPIRE_DAYS = 1  # S4-10
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# Passwords are guarded by `apps.accounts.lockout`; what is left of login_failed are the codes of the second factor.
# No limit by e-mail address alone refuses anybody: a stranger could use it up. Letters have their own, `letter`.
ACCOUNT_RATE_LIMITS = {"login_failed": "5/5m/key,30/d/key", "reset_password": "20/m/ip", "confirm_email": None,
                       "manage_email": "10/m/user,30/d/user", "letter": "5/30m/key"}  # fmt: skip
ACCOUNT_FORMS = {"change_password": "apps.accounts.current_password.ChangePassword"}
MFA_ADAPTER = "apps.accounts.adapter.SecondFactor"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Keeptrack"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # A new address may wait for its letter; the one that counts is verified.
HEADLESS_CLIENTS = ("browser",)
# Links in e-mails start at the configured address, never at what a request claims to be its host.
HEADLESS_FRONTEND_URLS = {
    "account_confirm_email": f"{SITE_URL}/verify-email/{{key}}",
    "account_reset_password": f"{SITE_URL}/reset-password",
    "account_reset_password_from_key": f"{SITE_URL}/reset-password/{{key}}",
    "account_signup": f"{SITE_URL}/sign-up",
}
LOCKOUT_FAILURES = env.number("LOCKOUT_FAILURES", 5, least=1)
LOCKOUT = timedelta(minutes=env.number("LOCKOUT_MINUTES", 15, least=1))
# What looks an address up is answered after a whole number of these: `config.limits.even_time`.
SIGN_IN_TAKES_MS = env.number("SIGN_IN_TAKES_MS", 400, most=5000)
STAFF_SECOND_FACTOR = env.flag("STAFF_SECOND_FACTOR")
SUBSCRIPTION_GRACE = timedelta(days=env.number("SUBSCRIPTION_GRACE_DAYS", 0, most=90))
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET")
STRIPE_PRICES = env.pairs("STRIPE_PRICES", of=("free", "pro", "enterprise"))  # price id → plan
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- E-mail -------------------------------------------------------------------------------------------------------
EMAIL_BACKEND = "apps.accounts.tasks.Outbox"
EMAIL_TRANSPORT = email_url.backend_from_url(env.text("EMAIL_URL", "console://"))
DEFAULT_FROM_EMAIL = SERVER_EMAIL = email_url.sender(env.text("EMAIL_FROM", "Keeptrack <keeptrack@localhost>"))

# --- API ----------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "apps.accounts.authentication.ApiKeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    # A view that names no policy is closed to everyone.
    "DEFAULT_PERMISSION_CLASSES": ["apps.lib.api.Closed"],
    "DEFAULT_THROTTLE_CLASSES": ["apps.accounts.throttles.Limits"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.lib.api.ShallowJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "apps.lib.paging.Keyset",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "apps.lib.api.problem_handler",
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Keeptrack API",
    "DESCRIPTION": "Every capability of the web pages, for programs. Errors are problem+json with a stable `code`.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "SaidStatusEnum": "apps.social.shape.STATES",
        "ReportStateEnum": "apps.social.moderation.STATES",
        "UploadStateEnum": "apps.uploads.progress.STATES",
        "TrackKindEnum": "apps.catalog.cards.KINDS",
        "AssetKindEnum": "apps.archive.models.ArchiveAsset.Kind",
        "TrackStatusEnum": "apps.catalog.cards.STATES",
        "MemberRoleEnum": "apps.playlists.members.ROLES",
        "CreditRoleEnum": "apps.catalog.cards.CREDIT_ROLES",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "apps.lib.schema.with_problems"],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_500_000
FILE_UPLOAD_MAX_MEMORY_SIZE = 0
FILE_UPLOAD_HANDLERS = ["apps.lib.arriving.Spooled"]

# --- Celery -------------------------------------------------------------------------------------------------------
_VISIBILITY = 1800
# A nudge must not keep its request waiting for a broker that is away.
_HURRIED = {"max_retries": 1, "interval_start": 0, "interval_step": 0.1, "interval_max": 0.1}
CELERY_BROKER_URL = (
    f"redis+socket://{REDIS_URL.removeprefix('unix://')}" if REDIS_URL.startswith("unix:") else REDIS_URL
)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": _VISIBILITY,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": not REDIS_URL.startswith("unix:"),
    "health_check_interval": 25,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    **_HURRIED,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
# Longer than the longest legal job: a slow file ends by its own limits, never by taking its process down.
CELERY_TASK_TIME_LIMIT = 1700
CELERY_TASK_SOFT_TIME_LIMIT = 1680
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 10
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# Letters go with what waits for the network, not behind what takes the processor.
CELERY_TASK_ROUTES = {"archive.*": {"queue": "archive"}, "accounts.post": {"queue": "archive"}, "*": {"queue": "work"}}
CELERY_TASK_DEFAULT_QUEUE = "work"
CELERY_TASK_PUBLISH_RETRY_POLICY = _HURRIED
CELERY_BEAT_SCHEDULE = schedule.BEAT
assert CELERY_TASK_TIME_LIMIT + 60 < _VISIBILITY, "a task must end before its message is delivered again"

# --- Words, time, pages -------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
FORMAT_MODULE_PATH = "config.formats"

_STORES = {STORAGES[name]["OPTIONS"].get("endpoint_url") for name in ("blobs", "copies") if name in STORAGES}
_MEDIA = [SELF, *env.words("CSP_MEDIA_SOURCES", ("https:",)), *amounts.FETCH_ORIGINS, *sorted(_STORES - {None})]
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "media-src": _MEDIA,
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
# What `config.csp` puts in its place below these addresses: the admin's theme evaluates expressions and styles inline,
# the API's page is one inline script.
CSP_INLINE_PAGES = {
    "/admin/": {
        "script-src": [SELF, UNSAFE_INLINE, UNSAFE_EVAL],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [*_MEDIA, "data:"],
    },
    "/api/v1/docs": {"script-src": [SELF, UNSAFE_INLINE], "style-src": [SELF, UNSAFE_INLINE]},
}

LOGGING = logs.to_stderr(env.choice("LOG_LEVEL", "INFO", of=("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")))
