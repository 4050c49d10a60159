"""Staff's desk for the archive: what is about to expire, what went wrong, and the buttons to act on it."""

from apps.archive.admin import assets, jobs, ledger, tracks

__all__ = ["assets", "jobs", "ledger", "tracks"]
