"""`/account/subscription`: what somebody pays for and what it gives them."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts import tiers


@login_required
@require_safe
def subscription(request: HttpRequest) -> HttpResponse:
    facts = {"standing": tiers.standing_of(request.user), "subscription": request.user.subscriptions.foremost()}
    return render(request, "accounts/subscription.html", facts)
