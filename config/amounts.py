"""How much and how many: the limits that are settings (`docs/settings.md`). `settings.py` takes them over."""

import os
from datetime import timedelta

from apps.lib.formats import AUDIO_FORMATS
from config import env

# Requests a minute, by the scope they need; `apps.accounts.throttles` says of whom.
RATE_LIMITS = env.limits("RATE_LIMITS", {
    "read": 1200, "write": 120, "upload": 60, "piece": 600, "archive": 60, "admin": 300, "media": 6000,
    "anonymous": 300, "wrong_key": 60, "wrong_hook": 60, "report": 10})  # fmt: skip
UPLOAD_MAX_BYTES = env.number("UPLOAD_MAX_BYTES", 50 * 1024 * 1024, least=1)  # S0-18
UPLOAD_FORMATS = frozenset(env.words("UPLOAD_FORMATS", ("mp3", "wav", "flac")))  # S0-19
if not UPLOAD_FORMATS or UPLOAD_FORMATS - AUDIO_FORMATS:
    raise env.wrong("UPLOAD_FORMATS", f"some of {', '.join(sorted(AUDIO_FORMATS))}")
# Bytes that a person brings in within a UTC day, by tier (S1-01, S1-04).
UPLOAD_QUOTA = {
    "free": env.number("UPLOAD_QUOTA_FREE", 100_000_000),
    "pro": env.number("UPLOAD_QUOTA_PRO", 2_000_000_000),
    "enterprise": env.number("UPLOAD_QUOTA_ENTERPRISE", 20_000_000_000),
}
UPLOADS_AT_ONCE = env.number("UPLOADS_AT_ONCE", 10, least=1, most=1000)  # of one person, begun and not yet whole
UPLOAD_SPOOL_BYTES = env.number("UPLOAD_SPOOL_BYTES", 20_000_000_000)  # of all who are at it
UPLOAD_EXPIRES = timedelta(hours=env.number("UPLOAD_EXPIRES_HOURS", 24, least=1, most=240))
# Threads of one web process that may tell of uploads as it happens; the others answer meanwhile. 0: nobody is told so.
UPLOAD_EVENTS_AT_ONCE = env.number("UPLOAD_EVENTS_AT_ONCE", 1, most=64)
UPLOAD_EVENTS_LAST = timedelta(seconds=20)
# Origins that the fetcher may reach although they are not public https: the demo's provider, never set in production.
FETCH_ORIGINS = env.origins("KEEPTRACK_FETCH_ORIGINS")
# How the providers of generated tracks are asked, and what they sign their deliveries with; no key: not at all.
PROVIDER_APIS = {
    code: {
        "url": env.api(f"{code.upper()}_API_URL", usual, exempt=FETCH_ORIGINS),
        "key": env.token(f"{code.upper()}_API_KEY"),
        "webhook_secret": env.token(f"{code.upper()}_WEBHOOK_SECRET"),
    }
    for code, usual in {
        "suno": "https://api.sunoapi.org",
        "mureka": "https://api.mureka.ai",
        "replicate": "https://api.replicate.com",
    }.items()
}
GENERATION_WAIT = timedelta(hours=env.number("GENERATION_WAIT_HOURS", 24, least=1, most=720))
FETCH_MAX_BYTES = {"audio": 200_000_000, "cover": 10_000_000, "video": 500_000_000}
FETCH_DEADLINE_S = {"audio": 90, "cover": 45, "video": 120}
ARCHIVE_PARALLEL = env.number("ARCHIVE_PARALLEL", 32, least=1, most=256)  # downloads at a time
# Files verified at a time: each waits for the database and the disk for a part of its time.
ARCHIVE_SETTLERS = env.number("ARCHIVE_SETTLERS", min(64, (os.cpu_count() or 1) + 1), least=1, most=64)
ARCHIVE_TRIES = env.number("ARCHIVE_TRIES", 3, least=1, most=10)  # within one attempt, for what passes (S3-06)
ARCHIVE_TRY_PAUSE_S = env.number("ARCHIVE_TRY_PAUSE_S", 5, most=60)  # times the number of the try
# Requests a second that one host gets of all workers, and at once after a rest.
ARCHIVE_HOST_RATE = env.number("ARCHIVE_HOST_RATE", 50, least=1)
ARCHIVE_HOST_BURST = env.number("ARCHIVE_HOST_BURST", 100, least=1)
ARCHIVE_LIMIT = 50  # one request or command (S3-05)
ARCHIVE_LIMIT_MOST = 200  # the daily run (S3-11)
# From so many tracks on every web process counts facets in its memory, about 60 MB for a million; 0: always by SQL.
FACETS_IN_MEMORY_FROM = env.number("FACETS_IN_MEMORY_FROM", 5_000)
ARCHIVE_ALARM_DAYS = env.number("ARCHIVE_ALARM_DAYS", 13, least=1)  # S3-02, kept as the alarm
# Every stored byte is read again within so many days, in each place, and no faster than that (0: as fast as it goes).
SCRUB_DAYS = env.number("SCRUB_DAYS", 30, least=2, most=3650)
SCRUB_BYTES_PER_SECOND = env.number("SCRUB_BYTES_PER_SECOND", 50_000_000)
STORAGE_PRICE_GB_MONTH = env.price("STORAGE_PRICE_GB_MONTH", "0.021")  # S3-16, in US dollars
# When the archive's promise counts as in danger, and who hears of it.
ALERT_EXPIRING_HOURS = env.number("ALERT_EXPIRING_HOURS", 6, least=1, most=240)
ALERT_QUEUE_MINUTES = env.number("ALERT_QUEUE_MINUTES", 30, least=5, most=1440)
ALERT_HOST_MINUTES = env.number("ALERT_HOST_MINUTES", 30, least=5, most=1440)
ALERT_EMAILS = env.words("ALERT_EMAILS")
ALERT_WEBHOOK, ALERT_WEBHOOK_SECRET = env.call("ALERT_WEBHOOK"), env.text("ALERT_WEBHOOK_SECRET")
DEADMAN_URL = env.call("DEADMAN_URL")
METRICS_TOKEN = env.text("METRICS_TOKEN")
PLAY_WINDOW = timedelta(minutes=env.number("PLAY_WINDOW_MINUTES", 30, least=1, most=1440))
PLAYLIST_MAX_ENTRIES = env.number("PLAYLIST_MAX_ENTRIES", 10_000, least=1, most=100_000)
PLAYLIST_FILE_MAX_BYTES = env.number("PLAYLIST_FILE_MAX_BYTES", 8 * 1024 * 1024, least=1000, most=64 * 1024 * 1024)
OLD_SHAPE_SUNSET = env.day("OLD_SHAPE_SUNSET", "2027-06-30")  # S0-37: told to old programs; nothing ends by itself
PLAY_KEPT = timedelta(days=env.number("PLAY_KEPT_DAYS", 90, least=2, most=3650))

# A killed worker's rows are due again after this; a living one renews it three times as often.
LEASE = timedelta(seconds=env.number("LEASE_SECONDS", 60, least=3, most=3600))
# Only these take a body of a file's size; elsewhere a longer one is refused unread.
PICTURE_MAX_BYTES, SHEET_MAX_BYTES = 5 * 1024 * 1024, 20 * 1024 * 1024
UPLOAD_FORMS = (
    "/api/v1/uploads", "/upload", "/admin/uploads/upload/add/", "/api/v1/tracks/<id>/audio", "/tracks/<id>/audio",
)  # fmt: skip
FORM_ENVELOPE_BYTES = 1024 * 1024  # form fields and boundaries around a file
FILE_PATHS = dict.fromkeys(UPLOAD_FORMS, UPLOAD_MAX_BYTES)
FILE_PATHS |= dict.fromkeys(("/api/v1/uploads/tus", "/api/v1/uploads/tus/<id>"), UPLOAD_MAX_BYTES)
FILE_PATHS |= dict.fromkeys(("/api/v1/me/avatar", "/account/avatar"), PICTURE_MAX_BYTES)
FILE_PATHS |= dict.fromkeys(("/api/v1/playlists/<id>/cover", "/playlists/<id>/cover"), PICTURE_MAX_BYTES)
FILE_PATHS |= dict.fromkeys(("/api/v1/playlists/import", "/playlists/import"), PLAYLIST_FILE_MAX_BYTES)
FILE_PATHS |= dict.fromkeys(("/api/v1/changesets/import", "/admin/catalog/track/import/"), SHEET_MAX_BYTES)
HAND_INS = ("/api/v1/archive/tracks/<id>/files", "/admin/archive/archiveasset/<id>/hand-in/")
FILE_PATHS |= dict.fromkeys(HAND_INS, max(FETCH_MAX_BYTES.values()))
