"""The daily tidying."""

import datetime as dt

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from apps.accounts import tasks

pytestmark = pytest.mark.django_db


def test_expired_sessions_go_and_living_ones_stay(client, ana):
    """S4-09."""
    client.force_login(ana)
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - dt.timedelta(days=1))
    tasks.tidy()
    assert Session.objects.count() == 1
