"""Celery's door to the community."""

from celery import shared_task

from apps.social import compat, counts


@shared_task(name="social.fold")
def fold() -> int:
    """Every minute: counts that were kept apart come into the posts' own columns; returns of how many posts."""
    return counts.fold()


@shared_task(name="social.forget_old_uses")
def forget_old_uses() -> int:
    """Daily: who used the API in the old way, and stopped long ago."""
    return compat.forget()
