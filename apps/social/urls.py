"""The community's pages."""

from django.urls import path

from apps.social import views

urls = [
    path("feed", views.feed, name="feed"),
    path("posts/<uuid:pk>", views.post, name="post"),
    path("posts/<uuid:pk>/edit", views.edit_post, name="post-edit"),
    path("posts/<uuid:pk>/like", views.like, name="post-like"),
    path("posts/<uuid:pk>/comments", views.comment, name="post-comment"),
    path("posts/<uuid:pk>/report", views.report_post, name="post-report"),
    path("comments/<uuid:pk>/edit", views.edit_comment, name="comment-edit"),
    path("comments/<uuid:pk>/report", views.report_comment, name="comment-report"),
    path("people/<str:username>/posts", views.person, name="person-posts"),
    path("people/<str:username>/follow", views.follow, name="person-follow"),
]
