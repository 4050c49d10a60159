"""Addresses of the archive's pages, and of its metrics."""

from django.urls import path

from apps.archive import views

urls = [
    path("workspace/library", views.library, name="workspace-library"),
    path("metrics", views.numbers, name="metrics"),
]
