"""Addresses of the account pages. Their names are those that allauth looks up."""

from allauth.account import views as account
from allauth.mfa.base import views as factors
from allauth.mfa.recovery_codes import views as codes
from allauth.mfa.totp import views as totp
from django.urls import path, re_path

from apps.accounts import current_password
from apps.accounts.views import data, keys, notices, people, profile, sessions, stripe, subscription

urls = [
    path("sign-in", account.login, name="account_login"),
    path("sign-in/code", factors.authenticate, name="mfa_authenticate"),
    path("sign-out", account.logout, name="account_logout"),
    path("sign-up", account.signup, name="account_signup"),
    path("verify-email", account.email_verification_sent, name="account_email_verification_sent"),
    path("verify-email/<str:key>", account.confirm_email, name="account_confirm_email"),
    path("reset-password", account.password_reset, name="account_reset_password"),
    path("reset-password/sent", account.password_reset_done, name="account_reset_password_done"),
    path("reset-password/done", account.password_reset_from_key_done, name="account_reset_password_from_key_done"),
    # A key holds a hyphen of its own, a person's id none.
    re_path(
        r"^reset-password/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>[^/]+)\Z",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path("account", profile.profile, name="account-profile"),
    path("account/avatar", profile.avatar, name="account-avatar"),
    path("account/data", data.data, name="account-data"),
    path("account/data/export", data.export, name="account-export"),
    path("avatars/<str:sha256>", people.avatar, name="avatar"),
    path("account/inactive", account.account_inactive, name="account_inactive"),
    path("account/confirm", account.reauthenticate, name="account_reauthenticate"),
    path("account/confirm/code", factors.reauthenticate, name="mfa_reauthenticate"),
    path("account/email", account.email, name="account_email"),
    path("account/sessions", sessions.shown, name="account-sessions"),
    path("account/sessions/<uuid:pk>/end", sessions.end, name="account-session-end"),
    path("account/sessions/others/end", sessions.end_others, name="account-sessions-end-others"),
    path("account/keys", keys.keys, name="account-keys"),
    path("account/keys/<uuid:pk>/revoke", keys.revoke, name="account-key-revoke"),
    path("account/password", account.password_change, name="account_change_password"),
    # Before allauth's own, whose guesses would not count.
    path("_allauth/browser/v1/account/password/change", current_password.change_password),
    path("account/password/set", account.password_set, name="account_set_password"),
    path("account/second-factor", factors.index, name="mfa_index"),
    path("account/second-factor/on", totp.activate_totp, name="mfa_activate_totp"),
    path("account/second-factor/off", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/second-factor/codes", codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path("account/second-factor/codes/new", codes.generate_recovery_codes, name="mfa_generate_recovery_codes"),
    path("account/second-factor/codes/file", codes.download_recovery_codes, name="mfa_download_recovery_codes"),
    path("account/subscription", subscription.subscription, name="account-subscription"),
    path("hooks/stripe", stripe.hook, name="stripe-hook"),
    path("notices", notices.shown, name="notices"),
    path("notices/read", notices.read_all, name="notices-read"),
    path("notices/<uuid:pk>/read", notices.read, name="notice-read"),
    path("digest/off/<str:token>", notices.digest_off, name="digest-off"),
]
