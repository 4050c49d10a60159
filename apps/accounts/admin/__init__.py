"""Staff's desk for people."""

from apps.accounts.admin import keys, letters, lockouts, notices, people, roles, sessions, subscriptions

__all__ = ["keys", "letters", "lockouts", "notices", "people", "roles", "sessions", "subscriptions"]
