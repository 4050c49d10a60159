"""People: identity, profile, roles, subscription, sessions, keys, notices (S4-08 … S4-13, S2-01)."""

from apps.accounts.models.answer import IdempotentAnswer
from apps.accounts.models.grant import RoleChange, RoleGrant
from apps.accounts.models.key import ApiKey
from apps.accounts.models.letter import Letter
from apps.accounts.models.lockout import Lockout
from apps.accounts.models.notice import Notice
from apps.accounts.models.profile import Avatar, Profile
from apps.accounts.models.session import Session
from apps.accounts.models.subscription import StripeEvent, Subscription, TierOverride
from apps.accounts.models.user import User

__all__ = [
    "ApiKey", "Avatar", "IdempotentAnswer", "Letter", "Lockout", "Notice", "Profile", "RoleChange", "RoleGrant",
    "Session", "StripeEvent", "Subscription", "TierOverride", "User",
]  # fmt: skip
