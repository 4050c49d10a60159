"""What people say and to whom: posts, likes, comments, follows, and what moderators do about it (S0-08, S0-11)."""

from apps.social.models.follow import Follow
from apps.social.models.moved import PostMove
from apps.social.models.old import DeprecatedUse
from apps.social.models.post import Comment, Like, Post, Tally
from apps.social.models.report import Decision, Report

__all__ = ["Comment", "Decision", "DeprecatedUse", "Follow", "Like", "Post", "PostMove", "Report", "Tally"]
