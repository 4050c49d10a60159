"""`{{ bytes|size }}`: one way of writing sizes on all pages."""

from django import template

from apps.lib import sizes

register = template.Library()
register.filter("size", sizes.words)
