"""The admin's pages of the community."""

from apps.social.admin import decisions, old_uses, reports, said

__all__ = ["decisions", "old_uses", "reports", "said"]
