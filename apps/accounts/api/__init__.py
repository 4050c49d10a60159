"""The API's accounts half."""

from django.urls import path

from apps.accounts.api.avatar import AvatarView
from apps.accounts.api.data import ExportView
from apps.accounts.api.keys import KeysView, KeyView
from apps.accounts.api.me import MeView
from apps.accounts.api.notices import NoticesView, NoticeView, ReadView
from apps.accounts.api.people import PersonView
from apps.accounts.api.policy import ANYONE, IDEMPOTENCY_KEY, SIGNED_IN, policy
from apps.accounts.api.sessions import SessionsView, SessionView
from apps.accounts.api.subscription import SubscriptionView

__all__ = ["ANYONE", "IDEMPOTENCY_KEY", "SIGNED_IN", "policy", "urls"]

urls = [
    path("me", MeView.as_view(), name="me"),
    path("me/avatar", AvatarView.as_view(), name="me-avatar"),
    path("me/export", ExportView.as_view(), name="export"),
    path("me/keys", KeysView.as_view(), name="keys"),
    path("me/keys/<uuid:pk>", KeyView.as_view(), name="key"),
    path("me/notices", NoticesView.as_view(), name="notices-api"),
    path("me/notices/read", ReadView.as_view(), name="notices-read-api"),
    path("me/notices/<uuid:pk>", NoticeView.as_view(), name="notice-api"),
    path("me/sessions", SessionsView.as_view(), name="sessions"),
    path("me/sessions/<uuid:pk>", SessionView.as_view(), name="session"),
    path("me/subscription", SubscriptionView.as_view(), name="subscription"),
    path("users/<str:username>", PersonView.as_view(), name="user"),
]
