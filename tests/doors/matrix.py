"""The access matrix: five people before every address, with every method. TABLE says what each of them gets."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.contrib.admindocs.views import simplify_regex
from django.urls import URLPattern, URLResolver, get_resolver

PEOPLE = ("anonymous", "owner", "stranger", "moderator", "admin")
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
API, ADMIN = "/api/v1/", "/admin/"
FOR_PROGRAMS = ("/api/", "/_allauth/", "/hooks/")
NOBODY = ("405",) * 5

# Address, and in brackets whose row or body stands in it (see `world.py`); below it what anonymous, owner, stranger,
# moderator and admin get: a status, `in` for a redirect to the sign-in. The owner owns what is named; all four have
# just confirmed their password. A method that is not named gets 405, in the API from who is let in at all; HEAD is
# GET. Further rows of an address name what differs. What a body of `{}` or no field gets is said here: 400 and a form's
# 200 mean that it was looked at.
TABLE = """
# Pages and bytes
/
    GET                                200 200 200 200 200
/tracks
    GET                                200 200 200 200 200
/tracks/<uuid:pk> [private]
    GET                                404 200 404 200 200
/tracks/<uuid:pk> [public]
    GET                                200 200 200 200 200
/tracks/<uuid:pk>/audio [private]
    GET                                in 200 404 200 200
    POST                               in 400 404 400 400
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/tracks/<uuid:pk>/audio [public]
    GET                                in 200 403 200 200
    POST                               in 400 403 400 400
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/tracks/<uuid:pk>/audio/<uuid:former_pk>/restore [private former]
    POST                               in 302 404 302 302
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/tracks/<uuid:pk>/audio/<uuid:former_pk>/restore [public former]
    POST                               in 302 403 302 302
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/upload
    GET POST                           in 200 200 200 200
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/uploads
    GET                                in 200 200 200 200
    POST PUT PATCH DELETE OPTIONS      in 405 405 405 405
/uploads/<uuid:pk>/cancel [upload]
    POST                               in 302 404 403 403
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists
    GET                                200 200 200 200 200
    POST                               in 200 200 200 200
/playlists/add [public filled]
    POST                               in 302 302 302 302
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/import
    GET                                in 200 200 200 200
    POST                               in 400 400 400 400
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/playlists/imports
    GET                                in 200 200 200 200
    POST PUT PATCH DELETE OPTIONS      in 405 405 405 405
/playlists/imports/<uuid:pk> [import]
    GET                                in 200 404 200 200
    POST PUT PATCH DELETE OPTIONS      in 405 405 405 405
/playlists/imports/<uuid:pk>/retry [import]
    POST                               in 409 404 403 403
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/imports/<uuid:pk>/delete [import]
    POST                               in 302 404 403 403
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/imports/<uuid:pk>/lines/<int:number> [import]
    POST                               in 400 404 403 403
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/<uuid:pk> [private playlist]
    GET                                404 200 404 200 200
/playlists/<uuid:pk> [public playlist]
    GET                                200 200 200 200 200
/playlists/<uuid:pk>/edit [private playlist]
    GET                                in 200 404 200 200
    POST                               in 400 404 400 400
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/playlists/<uuid:pk>/edit [public playlist]
    GET                                in 200 403 200 200
    POST                               in 400 403 400 400
/playlists/<uuid:pk>/cover [private playlist]
    POST                               in 400 404 400 400
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/<uuid:pk>/cover [public playlist]
    POST                               in 400 403 400 400
/playlists/<uuid:pk>/delete [private playlist]
    POST                               in 302 404 302 302
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/<uuid:pk>/delete [public playlist]
    POST                               in 302 403 302 302
/playlists/<uuid:pk>/members [private playlist]
    POST                               in 400 404 400 400
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/<uuid:pk>/members [public playlist]
    POST                               in 400 403 400 400
/playlists/<uuid:pk>/members/<str:username>/drop [private playlist]
    POST                               in 302 404 302 302
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/<uuid:pk>/members/<str:username>/drop [public playlist]
    POST                               in 302 404 302 302
/playlists/<uuid:pk>/entries/<uuid:entry_pk>/move [private playlist]
    POST                               in 400 404 400 400
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/<uuid:pk>/entries/<uuid:entry_pk>/move [public moved]
    POST                               in 302 403 302 302
/playlists/<uuid:pk>/entries/<uuid:entry_pk>/remove [private playlist]
    POST                               in 302 404 302 302
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/playlists/<uuid:pk>/entries/<uuid:entry_pk>/remove [public playlist]
    POST                               in 302 403 302 302
/blobs/<str:token> [blob]
    GET                                200 200 200 200 200
/blobs/<str:token> [forged]
    GET                                404 404 404 404 404
/workspace/library
    GET                                in 200 200 200 200
    POST PUT PATCH DELETE OPTIONS      in 405 405 405 405
/metrics
    GET                                401 401 401 200 200
/healthz
    GET                                200 200 200 200 200
/readyz
    GET                                200 200 200 200 200

# What people say
/feed
    GET                                200 200 200 200 200
    POST                               in 400 400 400 400
/posts/<uuid:pk> [post]
    GET                                200 200 200 200 200
/posts/<uuid:pk> [hidden post]
    GET                                404 200 404 200 200
/posts/<uuid:pk>/edit [post]
    GET                                in 200 403 403 403
    POST                               in 302 403 403 403
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/posts/<uuid:pk>/edit [hidden post]
    GET                                in 200 404 403 403
    POST                               in 400 404 403 403
/posts/<uuid:pk>/like [post]
    POST                               in 302 302 302 302
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/posts/<uuid:pk>/like [hidden post]
    POST                               in 404 404 404 404
/posts/<uuid:pk>/comments [post]
    POST                               in 400 400 400 400
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
/posts/<uuid:pk>/comments [hidden post]
    POST                               in 404 404 404 404
/comments/<uuid:pk>/edit [comment]
    GET                                in 200 403 403 403
    POST                               in 400 403 403 403
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/comments/<uuid:pk>/edit [hidden comment]
    GET                                in 200 404 403 403
    POST                               in 400 404 403 403
/posts/<uuid:pk>/report [post]
    GET                                in 200 200 200 200
    POST                               in 400 400 400 400
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/posts/<uuid:pk>/report [hidden post]
    GET                                in 200 404 200 200
    POST                               in 400 404 400 400
/comments/<uuid:pk>/report [comment]
    GET                                in 200 200 200 200
    POST                               in 400 400 400 400
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/comments/<uuid:pk>/report [hidden comment]
    GET                                in 200 404 200 200
    POST                               in 400 404 400 400
/people/<str:username>/posts [person]
    GET                                200 200 200 200 200
/people/<str:username>/follow [person]
    POST                               in 400 302 302 302
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405

# Accounts
/people/<str:username> [person]
    GET                                200 200 200 200 200
/sign-in
    GET POST PUT OPTIONS               200 302 302 302 302
    PATCH DELETE                       405 302 302 302 302
/sign-in/code
    *                                  in 302 302 302 302
/sign-out
    GET                                302 200 200 200 200
    POST                               302 302 302 302 302
    OPTIONS                            200 200 200 200 200
/sign-up
    GET POST PUT OPTIONS               200 302 302 302 302
    PATCH DELETE                       405 302 302 302 302
/verify-email
    GET OPTIONS                        200 200 200 200 200
/verify-email/<str:key> [confirm link]
    GET OPTIONS                        200 200 200 200 200
    POST                               in 302 in in in
/verify-email/<str:key> [forged]
    POST                               404 404 404 404 404
/reset-password
    GET POST PUT OPTIONS               200 200 200 200 200
/reset-password/sent
    GET OPTIONS                        200 200 200 200 200
/reset-password/done
    GET OPTIONS                        200 200 200 200 200
/reset-password/<uidb36>-<key> [reset link]
    *                                  302 302 302 302 302
/reset-password/<uidb36>-<key> [forged]
    *                                  200 200 200 200 200
/account
    GET POST                           in 200 200 200 200
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/account/avatar
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
    POST                               in 400 400 400 400
/account/data
    GET POST                           in 200 200 200 200
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/account/data [leave as owner]
    GET                                in 200 200 200 200
    POST                               in 302 400 400 400
/account/data/export
    GET                                in 200 200 200 200
    HEAD POST PUT PATCH DELETE OPTIONS in 405 405 405 405
/avatars/<str:sha256> [avatar]
    GET                                200 200 200 200 200
/account/inactive
    GET OPTIONS                        200 200 200 200 200
/account/confirm
    GET POST PUT OPTIONS               in 200 200 200 200
    PATCH DELETE                       in 405 405 405 405
/account/confirm/code
    *                                  in 302 302 302 302
/account/email
    GET OPTIONS                        in 200 200 200 200
    POST PUT                           in 302 302 302 302
    PATCH DELETE                       in 405 405 405 405
/account/sessions
    GET                                in 200 200 200 200
    POST PUT PATCH DELETE OPTIONS      in 405 405 405 405
/account/sessions/<uuid:pk>/end [session]
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
    POST                               in 302 404 404 404
/account/sessions/others/end
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
    POST                               in 302 302 302 302
/account/keys
    GET POST                           in 200 200 200 200
    PUT PATCH DELETE OPTIONS           in 405 405 405 405
/account/keys/<uuid:pk>/revoke [key]
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
    POST                               in 302 404 404 404
/account/password
    GET POST PUT OPTIONS               in 200 200 200 200
    PATCH DELETE                       in 405 405 405 405
/account/password/set
    *                                  in 302 302 302 302
/account/second-factor
    GET OPTIONS                        in 200 200 200 200
    POST PUT PATCH DELETE              in 405 405 405 405
/account/second-factor/on
    GET POST PUT OPTIONS               in 200 200 200 200
    PATCH DELETE                       in 405 405 405 405
/account/second-factor/off
    *                                  in 404 404 404 404
/account/second-factor/codes
    GET                                in 404 404 404 404
    POST PUT PATCH DELETE              in 405 405 405 405
    OPTIONS                            in 200 200 200 200
/account/second-factor/codes/new
    GET POST PUT OPTIONS               in 200 200 200 200
    PATCH DELETE                       in 405 405 405 405
/account/second-factor/codes/file
    *                                  in 404 404 404 404
/account/subscription
    GET                                in 200 200 200 200
    POST PUT PATCH DELETE OPTIONS      in 405 405 405 405
/hooks/stripe
    POST                               400 400 400 400 400
/notices
    GET                                in 200 200 200 200
    POST PUT PATCH DELETE OPTIONS      in 405 405 405 405
/notices/read
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
    POST                               in 302 302 302 302
/notices/<uuid:pk>/read [notice]
    GET PUT PATCH DELETE OPTIONS       in 405 405 405 405
    POST                               in 302 404 404 404
/digest/off/<str:token> [digest]
    GET POST                           200 200 200 200 200
/digest/off/<str:token> [forged]
    GET POST                           404 404 404 404 404

# allauth's JSON; it reads a body for every method but GET
/_allauth/browser/v1/account/password/change
    GET                                401 405 405 405 405
    HEAD POST PUT PATCH DELETE OPTIONS 401 400 400 400 400
/_allauth/browser/v1/account/phone
    *                                  404 404 404 404 404
/_allauth/browser/v1/auth/phone/verify
    *                                  404 404 404 404 404
/_allauth/browser/v1/auth/phone/verify/resend
    *                                  404 404 404 404 404
/_allauth/browser/v1/config
    GET OPTIONS                        200 200 200 200 200
/_allauth/browser/v1/auth/session
    GET                                401 200 200 200 200
    DELETE                             401 401 401 401 401
    OPTIONS                            200 200 200 200 200
/_allauth/browser/v1/auth/reauthenticate
    GET                                401 405 405 405 405
    HEAD POST PUT PATCH DELETE OPTIONS 401 400 400 400 400
/_allauth/browser/v1/auth/code/confirm
    *                                  409 409 409 409 409
/_allauth/browser/v1/auth/password/request
    HEAD POST PUT PATCH DELETE OPTIONS 400 400 400 400 400
/_allauth/browser/v1/auth/password/reset [reset key]
    GET                                400 400 400 400 400
    POST                               401 401 200 200 200
    OPTIONS                            200 200 200 200 200
/_allauth/browser/v1/auth/password/reset
    *                                  400 400 400 400 400
/_allauth/browser/v1/auth/login
    HEAD POST PUT PATCH DELETE OPTIONS 400 400 400 400 400
/_allauth/browser/v1/auth/signup
    POST                               400 400 400 400 400
    OPTIONS                            200 200 200 200 200
/_allauth/browser/v1/auth/email/verify [confirm key]
    GET                                400 400 400 400 400
    POST                               401 200 200 200 200
    OPTIONS                            200 200 200 200 200
/_allauth/browser/v1/auth/email/verify
    *                                  400 400 400 400 400
/_allauth/browser/v1/auth/email/verify/resend
    POST                               409 409 409 409 409
    OPTIONS                            200 200 200 200 200
/_allauth/browser/v1/account/email
    GET OPTIONS                        401 200 200 200 200
    POST                               409 400 400 400 400
    PUT PATCH DELETE                   401 400 400 400 400
/_allauth/browser/v1/auth/2fa/authenticate
    *                                  401 401 401 401 401
/_allauth/browser/v1/auth/2fa/reauthenticate
    GET                                401 405 405 405 405
    HEAD POST PUT PATCH DELETE OPTIONS 401 400 400 400 400
/_allauth/browser/v1/account/authenticators
    GET OPTIONS                        401 200 200 200 200
    POST PUT PATCH DELETE              401 405 405 405 405
/_allauth/browser/v1/account/authenticators/totp
    GET                                401 404 404 404 404
    POST                               401 400 400 400 400
    PUT PATCH                          401 405 405 405 405
    DELETE OPTIONS                     401 200 200 200 200
/_allauth/browser/v1/account/authenticators/recovery-codes
    GET                                401 404 404 404 404
    HEAD POST PUT PATCH DELETE OPTIONS 401 400 400 400 400

# The API
/api/v1/me
    GET PATCH                          401 200 200 200 200
    DELETE                             401 400 400 400 400
/api/v1/me [leave]
    DELETE                             401 204 204 204 409
/api/v1/me/avatar
    PUT                                401 400 400 400 400
    DELETE                             401 204 204 204 204
/api/v1/me/export
    GET                                401 200 200 200 200
    HEAD                               401 405 405 405 405
/api/v1/me/keys
    GET                                401 200 200 200 200
    POST                               401 400 400 400 400
/api/v1/me/keys/<uuid:pk> [key]
    DELETE                             401 204 404 404 404
/api/v1/me/notices
    GET                                401 200 200 200 200
/api/v1/me/notices/read
    POST                               401 200 200 200 200
/api/v1/me/notices/<uuid:pk> [notice]
    PATCH                              401 400 404 404 403
/api/v1/me/sessions
    GET                                401 200 200 200 200
    DELETE                             401 204 204 204 204
/api/v1/me/sessions/<uuid:pk> [session]
    DELETE                             401 204 404 404 404
/api/v1/me/subscription
    GET                                401 200 200 200 200
/api/v1/me/quota
    GET                                401 200 200 200 200
/api/v1/users/<str:username> [person]
    GET                                200 200 200 200 200
/api/v1/tracks
    GET                                200 200 200 200 200
    POST                               401 400 400 400 400
/api/v1/tracks/<uuid:pk> [private]
    GET                                404 200 404 200 200
    PATCH                              401 200 404 200 200
    DELETE                             401 204 404 204 204
/api/v1/tracks/<uuid:pk> [public]
    GET                                200 200 200 200 200
    PATCH                              401 200 403 200 200
    DELETE                             401 204 403 204 204
/api/v1/users/<str:username>/tracks [person]
    GET                                200 200 200 200 200
/api/v1/tracks/<uuid:pk>/sections [private]
    GET                                404 200 404 200 200
    POST PUT                           401 400 404 400 400
/api/v1/tracks/<uuid:pk>/sections [public]
    GET                                200 200 200 200 200
    POST PUT                           401 400 403 400 400
/api/v1/tracks/<uuid:pk>/sections/<uuid:part> [private section]
    GET                                404 200 404 200 200
    PATCH                              401 200 404 200 200
    DELETE                             401 204 404 204 204
/api/v1/tracks/<uuid:pk>/sections/<uuid:part> [public section]
    GET                                200 200 200 200 200
    PATCH                              401 200 403 200 200
    DELETE                             401 204 403 204 204
/api/v1/tracks/<uuid:pk>/credits [private]
    GET                                404 200 404 200 200
    POST PUT                           401 400 404 400 400
/api/v1/tracks/<uuid:pk>/credits [public]
    GET                                200 200 200 200 200
    POST PUT                           401 400 403 400 400
/api/v1/tracks/<uuid:pk>/credits/<uuid:part> [private credit]
    GET                                404 200 404 200 200
    PATCH                              401 200 404 200 200
    DELETE                             401 204 404 204 204
/api/v1/tracks/<uuid:pk>/credits/<uuid:part> [public credit]
    GET                                200 200 200 200 200
    PATCH                              401 200 403 200 200
    DELETE                             401 204 403 204 204
/api/v1/tracks/<uuid:pk>/instruments [private]
    GET                                404 200 404 200 200
    POST PUT                           401 400 404 400 400
/api/v1/tracks/<uuid:pk>/instruments [public]
    GET                                200 200 200 200 200
    POST PUT                           401 400 403 400 400
/api/v1/tracks/<uuid:pk>/instruments/<uuid:part> [private instrument]
    GET                                404 200 404 200 200
    PATCH                              401 200 404 200 200
    DELETE                             401 204 404 204 204
/api/v1/tracks/<uuid:pk>/instruments/<uuid:part> [public instrument]
    GET                                200 200 200 200 200
    PATCH                              401 200 403 200 200
    DELETE                             401 204 403 204 204
/api/v1/tracks/<uuid:pk>/samples [private]
    GET                                404 200 404 200 200
    POST PUT                           401 400 404 400 400
/api/v1/tracks/<uuid:pk>/samples [public]
    GET                                200 200 200 200 200
    POST PUT                           401 400 403 400 400
/api/v1/tracks/<uuid:pk>/samples/<uuid:part> [private sample]
    GET                                404 200 404 200 200
    PATCH                              401 200 404 200 200
    DELETE                             401 204 404 204 204
/api/v1/tracks/<uuid:pk>/samples/<uuid:part> [public sample]
    GET                                200 200 200 200 200
    PATCH                              401 200 403 200 200
    DELETE                             401 204 403 204 204
/api/v1/tracks/<uuid:pk>/plays [private]
    POST                               404 200 404 201 201
    PUT PATCH DELETE                   405 405 405 405 405
/api/v1/tracks/<uuid:pk>/plays [public]
    POST                               201 200 201 201 201
/api/v1/tracks/<uuid:pk>/statistics [private]
    GET                                401 200 404 200 200
/api/v1/tracks/<uuid:pk>/statistics [public]
    GET                                401 200 403 200 200
/api/v1/tracks/<uuid:pk>/stream [private]
    GET                                404 200 404 200 200
/api/v1/tracks/<uuid:pk>/stream [public]
    GET                                200 200 200 200 200
/api/v1/tracks/<uuid:pk>/stream [pro-only]
    GET                                403 200 403 200 200
    OPTIONS                            200 200 200 200 200
/api/v1/tracks/<uuid:pk>/preview [private]
    GET                                404 200 404 200 200
/api/v1/tracks/<uuid:pk>/preview [public]
    GET                                200 200 200 200 200
/api/v1/tracks/<uuid:pk>/waveform [private]
    GET                                404 200 404 200 200
/api/v1/tracks/<uuid:pk>/waveform [public]
    GET                                200 200 200 200 200
/api/v1/tracks/<uuid:pk>/cover [private]
    GET                                404 200 404 200 200
/api/v1/tracks/<uuid:pk>/cover [public]
    GET                                200 200 200 200 200
/api/v1/tracks/<uuid:pk>/video [private]
    GET                                404 200 404 200 200
/api/v1/tracks/<uuid:pk>/video [public]
    GET                                200 200 200 200 200
/api/v1/tracks/<uuid:pk>/video [pro-only]
    GET                                403 200 403 200 200
    OPTIONS                            200 200 200 200 200
/api/v1/tracks/export
    GET                                401 200 200 200 200
/api/v1/vocabulary
    GET                                400 400 400 400 400
/api/v1/changesets
    GET                                401 403 403 200 200
    POST                               401 403 403 400 400
    PUT PATCH DELETE                   401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/changesets/import
    POST                               401 403 403 400 400
    GET PUT PATCH DELETE               401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/changesets/<uuid:pk> [changeset]
    GET                                401 403 403 200 200
    POST PUT PATCH DELETE              401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/changesets/<uuid:pk>/rows [changeset]
    GET                                401 403 403 200 200
    POST PUT PATCH DELETE              401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/changesets/<uuid:pk>/conflicts [changeset]
    GET                                401 403 403 200 200
    POST PUT PATCH DELETE              401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/changesets/<uuid:pk>/preview [changeset]
    POST                               401 403 403 202 202
    GET PUT PATCH DELETE               401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/changesets/<uuid:pk>/apply [changeset]
    POST                               401 403 403 403 403
    GET PUT PATCH DELETE               401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/changesets/<uuid:pk>/undo [changeset]
    POST                               401 403 403 409 409
    GET PUT PATCH DELETE               401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/changesets/<uuid:pk>/discard [changeset]
    POST                               401 403 403 200 200
    GET PUT PATCH DELETE               401 403 403 405 405
    OPTIONS                            401 403 403 200 200
/api/v1/duplicates
    GET OPTIONS                        401 403 403 200 200
    POST PUT PATCH DELETE              401 403 403 405 405
/api/v1/duplicates/<uuid:pk>/dismiss [duplicate]
    POST OPTIONS                       401 403 403 200 200
    GET HEAD PUT PATCH DELETE          401 403 403 405 405
/api/v1/duplicates/<uuid:pk>/merge [duplicate]
    POST                               401 403 403 400 400
    OPTIONS                            401 403 403 200 200
    GET HEAD PUT PATCH DELETE          401 403 403 405 405
/api/v1/playlists
    GET                                200 200 200 200 200
    POST                               401 400 400 400 400
/api/v1/users/<str:username>/playlists [person]
    GET                                200 200 200 200 200
/api/v1/playlists/<uuid:pk> [private playlist]
    GET                                404 200 404 200 200
    PATCH                              401 200 404 200 200
    DELETE                             401 204 404 204 204
/api/v1/playlists/<uuid:pk> [public playlist]
    GET                                200 200 200 200 200
    PATCH                              401 200 403 200 200
    DELETE                             401 204 403 204 204
/api/v1/playlists/<uuid:pk>/cover [private playlist]
    GET                                404 200 404 200 200
    PUT                                401 400 404 400 400
    DELETE                             401 204 404 204 204
/api/v1/playlists/<uuid:pk>/cover [public playlist]
    GET                                200 200 200 200 200
    PUT                                401 400 403 400 400
    DELETE                             401 204 403 204 204
/api/v1/playlists/<uuid:pk>/entries [private playlist]
    GET                                404 200 404 200 200
    POST                               401 400 404 400 400
/api/v1/playlists/<uuid:pk>/entries [public filled]
    GET                                200 200 200 200 200
    POST                               401 201 403 201 201
/api/v1/playlists/<uuid:pk>/entries/<uuid:entry_pk> [private playlist]
    GET                                404 200 404 200 200
    PATCH                              401 400 404 400 400
    DELETE                             401 204 404 204 204
/api/v1/playlists/<uuid:pk>/entries/<uuid:entry_pk> [public moved]
    GET                                200 200 200 200 200
    PATCH                              401 200 403 200 200
    DELETE                             401 204 403 204 204
/api/v1/playlists/<uuid:pk>/members [private playlist]
    GET                                401 200 404 200 200
/api/v1/playlists/<uuid:pk>/members [public playlist]
    GET                                401 200 403 200 200
/api/v1/playlists/<uuid:pk>/members/<str:username> [private playlist]
    PUT                                401 400 404 400 400
    DELETE                             401 204 404 204 204
/api/v1/playlists/<uuid:pk>/members/<str:username> [public playlist]
    PUT                                401 400 403 400 400
    DELETE                             401 204 404 204 204
/api/v1/playlists/<uuid:pk>/export [private playlist]
    GET                                404 200 404 200 200
/api/v1/playlists/<uuid:pk>/export [public playlist]
    GET                                200 200 200 200 200
/api/v1/playlists/import
    POST                               401 400 400 400 400
/api/v1/playlists/imports
    GET                                401 200 200 200 200
/api/v1/playlists/imports/<uuid:pk> [import]
    GET                                401 200 404 200 200
    DELETE                             401 204 404 403 403
/api/v1/playlists/imports/<uuid:pk>/retry [import]
    POST                               401 409 404 403 403
/api/v1/playlists/imports/<uuid:pk>/lines [import]
    GET                                401 200 404 200 200
/api/v1/playlists/imports/<uuid:pk>/lines/<int:number> [import]
    PATCH                              401 400 404 403 403
/api/v1/playlists/imports/<uuid:pk>/lines/<int:number>/candidates [import]
    GET                                401 200 404 200 200
/api/v1/tracks/<uuid:pk>/audio [private]
    POST                               401 400 404 400 400
/api/v1/tracks/<uuid:pk>/audio [public]
    POST                               401 400 403 400 400
/api/v1/tracks/<uuid:pk>/former-audio [private]
    GET                                401 200 404 200 200
/api/v1/tracks/<uuid:pk>/former-audio [public]
    GET                                401 200 403 200 200
/api/v1/tracks/<uuid:pk>/former-audio/<uuid:former_pk>/restore [private former]
    POST                               401 200 404 200 200
/api/v1/tracks/<uuid:pk>/former-audio/<uuid:former_pk>/restore [public former]
    POST                               401 200 403 200 200
/api/v1/uploads
    GET                                401 200 200 200 200
    POST                               401 400 400 400 400
/api/v1/uploads/tus
    POST                               401 412 412 412 412
    OPTIONS                            401 204 204 204 204
/api/v1/uploads/tus/<uuid:pk> [coming in]
    HEAD POST PATCH DELETE             401 412 412 412 412
    OPTIONS                            401 204 204 204 204
/api/v1/uploads/<uuid:pk> [upload]
    GET                                401 200 404 200 200
    DELETE                             401 409 404 403 403
/api/v1/uploads/<uuid:pk>/events [upload]
    GET                                401 200 404 200 200
    HEAD                               401 405 405 405 405
/api/v1/uploads/<uuid:pk> [direct upload]
    DELETE                             401 410 404 403 403
/api/v1/uploads/direct
    POST                               401 400 400 400 400
/api/v1/uploads/<uuid:pk>/parts [direct upload]
    POST                               401 400 404 403 403
/api/v1/uploads/<uuid:pk>/parts [upload]
    POST                               401 404 404 404 404
/api/v1/uploads/<uuid:pk>/complete [direct upload]
    POST                               401 410 404 403 403
/api/v1/archive/run [run due]
    POST                               401 403 403 200 200
/api/v1/archive/run [run generated]
    POST                               401 200 403 200 200
/api/v1/archive/run [run secret]
    POST                               401 200 404 200 200
/api/v1/archive/jobs
    GET                                401 200 200 200 200
/api/v1/archive/due
    GET                                401 403 403 200 200
/api/v1/archive/findings
    GET                                401 403 403 200 200
/api/v1/archive/at-risk
    GET                                401 403 403 200 200
/api/v1/archive/lost
    GET                                401 403 403 200 200
/api/v1/archive/tracks/<uuid:pk>/files [generated]
    POST                               401 403 403 400 400
    OPTIONS                            401 403 403 200 200
    GET HEAD PUT PATCH DELETE          401 403 403 405 405
/api/v1/archive/statistics
    GET                                401 403 403 200 200
/api/v1/generations
    GET                                401 200 200 200 200
    POST                               401 400 400 400 400
/api/v1/hooks/<slug:provider> [suno]
    POST                               403 403 403 403 403
    OPTIONS                            200 200 200 200 200
    GET HEAD PUT PATCH DELETE          405 405 405 405 405
/api/v1/archive/ledger
    GET                                401 200 200 200 200
/api/v1/archive/manifests
    GET                                401 403 403 200 200
/api/v1/archive/manifests/<str:day> [closed day]
    GET                                401 403 403 200 200
/api/v1/feed
    GET                                200 200 200 200 200
/api/v1/posts
    GET                                200 200 200 200 200
    POST                               401 400 400 400 400
/api/v1/posts/<uuid:pk> [post]
    GET                                200 200 200 200 200
    PATCH                              401 400 403 403 403
    DELETE                             401 204 403 403 403
/api/v1/posts/<uuid:pk> [hidden post]
    GET                                404 200 404 200 200
    PATCH                              401 400 404 403 403
    DELETE                             401 204 404 403 403
/api/v1/posts/<uuid:pk>/like [post]
    PUT DELETE                         401 200 200 200 200
/api/v1/posts/<uuid:pk>/like [hidden post]
    PUT DELETE                         401 404 404 404 404
/api/v1/posts/<uuid:pk>/comments [post]
    GET                                200 200 200 200 200
    POST                               401 400 400 400 400
/api/v1/posts/<uuid:pk>/comments [hidden post]
    GET                                404 200 404 200 200
    POST                               401 404 404 404 404
/api/v1/comments/<uuid:pk> [comment]
    PATCH                              401 400 403 403 403
    DELETE                             401 204 403 403 403
/api/v1/comments/<uuid:pk> [hidden comment]
    PATCH                              401 400 404 403 403
    DELETE                             401 204 404 403 403
/api/v1/posts/<uuid:pk>/report [post]
    POST                               401 400 400 400 400
/api/v1/posts/<uuid:pk>/report [hidden post]
    POST                               401 400 404 400 400
/api/v1/posts/<uuid:pk>/hide [post]
    POST                               401 403 403 400 400
    OPTIONS                            401 403 403 200 200
    GET HEAD PUT PATCH DELETE          401 403 403 405 405
/api/v1/posts/<uuid:pk>/hide [hidden post]
    POST                               401 403 403 400 400
/api/v1/posts/<uuid:pk>/restore [post]
    POST                               401 403 403 400 400
    OPTIONS                            401 403 403 200 200
    GET HEAD PUT PATCH DELETE          401 403 403 405 405
/api/v1/posts/<uuid:pk>/restore [hidden post]
    POST                               401 403 403 400 400
/api/v1/comments/<uuid:pk>/report [comment]
    POST                               401 400 400 400 400
/api/v1/comments/<uuid:pk>/report [hidden comment]
    POST                               401 400 404 400 400
/api/v1/comments/<uuid:pk>/hide [comment]
    POST                               401 403 403 400 400
    OPTIONS                            401 403 403 200 200
    GET HEAD PUT PATCH DELETE          401 403 403 405 405
/api/v1/comments/<uuid:pk>/hide [hidden comment]
    POST                               401 403 403 400 400
/api/v1/comments/<uuid:pk>/restore [comment]
    POST                               401 403 403 400 400
    OPTIONS                            401 403 403 200 200
    GET HEAD PUT PATCH DELETE          401 403 403 405 405
/api/v1/comments/<uuid:pk>/restore [hidden comment]
    POST                               401 403 403 400 400
/api/v1/moderation/reports
    GET OPTIONS                        401 403 403 200 200
    POST PUT PATCH DELETE              401 403 403 405 405
/api/v1/moderation/reports/<uuid:pk>/dismiss [report]
    POST                               401 403 403 400 400
    OPTIONS                            401 403 403 200 200
    GET HEAD PUT PATCH DELETE          401 403 403 405 405
/api/v1/users/<str:username>/posts [person]
    GET                                200 200 200 200 200
/api/v1/users/<str:username>/follow [person]
    GET                                401 200 200 200 200
    PUT                                401 400 200 200 200
    DELETE                             401 200 200 200 200
/api/v1/schema/
    GET                                200 200 200 200 200
    POST PUT PATCH DELETE OPTIONS      405 405 405 405 405
/api/v1/docs/
    GET                                200 200 200 200 200
    POST PUT PATCH DELETE OPTIONS      405 405 405 405 405

# The admin; pages about rows have their tables in test_admin.py
/admin/login/
    *                                  in 403 403 in in
/admin/password_change/
    *                                  302 302 302 302 302
/admin/catalog/track/import/
    *                                  in in in 200 200
/admin/catalog/changeset/<uuid:pk>/panel/ [changeset]
    *                                  in in in 200 200
/admin/archive/verification/<uuid:pk>/panel/ [verification]
    *                                  in in in 200 200
/admin/uploads/upload/storage-use/
    *                                  in in in 200 200
/admin/uploads/folderimport/<uuid:pk>/panel/ [folder import]
    *                                  in in in 200 200
/admin/archive/archiveasset/desk/
    *                                  in in in 200 200
/admin/archive/archiveasset/<uuid:pk>/hand-in/ [asset]
    *                                  in in in 200 200
    POST                               in in in 400 400
/admin/archive/alarm/test/
    *                                  in in in 405 405
    POST                               in in in 302 302
/admin/archive/order/<uuid:pk>/panel/ [order]
    *                                  in in in 200 200
/admin/search/
    *                                  in in in 200 200
/admin/
    *                                  in in in 200 200
/admin/logout/
    GET PUT PATCH DELETE               302 302 302 405 405
    POST                               302 302 302 302 302
    OPTIONS                            302 302 302 200 200
/admin/password_change/done/
    GET OPTIONS                        in in in 200 200
    POST PUT PATCH DELETE              in in in 405 405
/admin/autocomplete/
    GET                                in in in 403 403
    POST PUT PATCH DELETE              in in in 405 405
    OPTIONS                            in in in 200 200
/admin/jsi18n/
    GET OPTIONS                        in in in 200 200
    POST PUT PATCH DELETE              in in in 405 405
/admin/r/<path:content_type_id>/<path:object_id>/ [admin]
    *                                  in in in 404 404
/admin/<app_label>/ [admin]
    *                                  in in in 200 200
/admin/<url> [admin]
    *                                  in in in 404 404
"""

_GROUP = re.compile(r"<(?:\w+:)?(\w+)>")
_HEADING = re.compile(r"(?P<route>/\S*)(?: \[(?P<case>[^]]+)\])?")


@dataclass(frozen=True)
class Row:
    """What five people get at one address, by method."""

    route: str
    case: str
    cells: dict[str, tuple[str, ...]]
    above: "Row | None" = None  # the first row of the same address, which says what this one does not

    @property
    def asked(self) -> tuple[str, ...]:
        """All methods once per address; where a further row stands, those that it names."""
        return tuple(self.cells) if self.above and "*" not in self.cells else METHODS

    def cell(self, method: str) -> tuple[str, ...]:
        """Five words, in the order of PEOPLE."""
        if method in self.cells:
            return self.cells[method]
        if method == "HEAD" and ("GET" in self.cells or not self.above):
            return self.cell("GET")
        if "*" in self.cells:
            return self.cells["*"]
        if self.above:
            return self.above.cell(method)
        return self._of_the_api(method) if self.route.startswith(API) else NOBODY

    def _of_the_api(self, method: str) -> tuple[str, ...]:
        """There a policy speaks before the method: OPTIONS are for who may read."""
        reads = self.cells.get("GET", ("401", *NOBODY[1:]))
        if method == "OPTIONS":
            return tuple(word if word in ("401", "403") else "200" for word in reads)
        return ("401", *NOBODY[1:])


def table(text: str = TABLE) -> list[Row]:
    rows: list[Row] = []
    first: dict[str, Row] = {}
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        if heading := _HEADING.fullmatch(line):
            rows.append(Row(heading["route"], heading["case"] or "", {}, first.get(heading["route"])))
            first.setdefault(heading["route"], rows[-1])
            continue
        *methods, a, b, c, d, e = line.split()
        assert methods and set(methods) <= {*METHODS, "*"}, line
        rows[-1].cells.update(dict.fromkeys(methods, (a, b, c, d, e)))
    return rows


def routes(patterns=None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Every address of the site as `/api/v1/tracks/<uuid:pk>`, with its route; again where two routes share it."""
    for entry in get_resolver().url_patterns if patterns is None else patterns:
        where = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from routes(entry.url_patterns, where)
        else:
            yield simplify_regex(where), entry


def filled(route: str, values: dict) -> str:
    """The address with its parts filled in."""
    return _GROUP.sub(lambda part: str(values[part[1]]), route)


def unsaid(known: Iterable[str], rows: list[Row]) -> set[str]:
    """Addresses without a row."""
    return set(known) - {row.route for row in rows}


def astray(known: Iterable[str], rows: list[Row]) -> set[str]:
    """Rows without an address."""
    return {row.route for row in rows} - set(known)
