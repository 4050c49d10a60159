"""The addresses of the pages."""

from django.urls import path

from apps.playlists.views import edit, files, filling, pages

urls = [
    path("playlists", pages.playlists, name="playlists"),
    path("playlists/add", filling.add, name="playlist-add"),
    path("playlists/import", files.begin, name="playlist-import-begin"),
    path("playlists/imports", files.imports, name="playlist-imports-page"),
    path("playlists/imports/<uuid:pk>", files.report, name="playlist-import-page"),
    path("playlists/imports/<uuid:pk>/retry", files.retry, name="playlist-import-again"),
    path("playlists/imports/<uuid:pk>/delete", files.forget, name="playlist-import-forget"),
    path("playlists/imports/<uuid:pk>/lines/<int:number>", files.settle, name="playlist-import-settle"),
    path("playlists/<uuid:pk>", pages.playlist, name="playlist-page"),
    path("playlists/<uuid:pk>/edit", edit.edit, name="playlist-edit"),
    path("playlists/<uuid:pk>/cover", edit.cover, name="playlist-cover-edit"),
    path("playlists/<uuid:pk>/delete", edit.delete, name="playlist-delete"),
    path("playlists/<uuid:pk>/members", edit.member, name="playlist-join"),
    path("playlists/<uuid:pk>/members/<str:username>/drop", edit.drop_member, name="playlist-drop-member"),
    path("playlists/<uuid:pk>/entries/<uuid:entry_pk>/move", filling.move, name="playlist-move"),
    path("playlists/<uuid:pk>/entries/<uuid:entry_pk>/remove", filling.remove, name="playlist-remove"),
]
