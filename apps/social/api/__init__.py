"""The community's part of `/api/v1/`."""

from apps.social.api import comments, moderation, people, posts

urls = [*posts.urls, *comments.urls, *people.urls, *moderation.urls]
