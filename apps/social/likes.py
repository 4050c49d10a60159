"""Likes: one of a person for a post; said twice they are the same (S0-11). Counted by the database, see `counts`."""

from apps.social.models import Like, Post


def like(*, post: Post, by) -> None:
    """`post` was fetched through `open_to(by)`. One statement, and the count with it."""
    Like.objects.bulk_create([Like(post=post, user=by)], ignore_conflicts=True)


def unlike(*, post: Post, by) -> None:
    Like.objects.filter(post=post, user=by).delete()


def likes(post: Post, person) -> bool:
    """Whether this person likes the post."""
    return person.is_authenticated and Like.objects.filter(post=post, user=person).exists()
