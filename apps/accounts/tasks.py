"""Celery's door to accounts."""

from celery import shared_task
from django.core.management import call_command

from apps.accounts import idempotency


@shared_task(name="accounts.tidy")
def tidy() -> int:
    """Daily: forget expired sessions (S4-09) and old idempotent answers."""
    call_command("clearsessions")
    return idempotency.forget()
