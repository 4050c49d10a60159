"""What is written into the log, and what is not."""

import logging
import re

# Whoever has one of these is signed in, or sets a password: verification and reset links carry them in their paths.
TOKENS = re.compile(r"(?<=/verify-email/)[^/?\s\"']+|(?<=/reset-password/)[^/?\s\"']*-[^/?\s\"']+")


class WithoutTokens(logging.Filter):
    """For the loggers that write a request's path: its token is left out (S4-10)."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = TOKENS.sub("…", record.getMessage()), ()
        return True


def to_stderr(level: str) -> dict:
    """Django's LOGGING: lines on stderr from this level on."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)-7s %(name)s %(message)s"}},
        "filters": {"quiet": {"()": "apps.lib.rates.Quiet"}, "tokens": {"()": WithoutTokens}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["quiet"]}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            **dict.fromkeys(("httpx", "httpcore"), {"level": "WARNING"}),
            **dict.fromkeys(("django.request", "django.security.csrf"), {"filters": ["tokens"]}),
        },
    }
