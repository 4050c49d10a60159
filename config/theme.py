"""How the admin looks and what stands around its pages."""

from django.templatetags.static import static

UNFOLD = {
    "SITE_TITLE": "Keeptrack",
    "SITE_HEADER": "Keeptrack",
    "SITE_SUBHEADER": "Staff",
    "SITE_URL": "/",
    "SITE_SYMBOL": "graphic_eq",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": True,
    "DASHBOARD_CALLBACK": "config.dashboard.overview",
    "SIDEBAR": {"navigation": "config.dashboard.navigation"},
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("admin-keeptrack/icon.svg")}
    ],
    "STYLES": [lambda request: static("admin-keeptrack/desk.css")],
    "SCRIPTS": [lambda request: static("admin-keeptrack/desk.js")],
}
