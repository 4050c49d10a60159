"""`/me/subscription`: what the signed-in person pays for, and the tier they have."""

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts import tiers
from apps.accounts.api.policy import policy
from apps.accounts.models.subscription import PLANS, SUBSCRIPTION_STATES


class SubscriptionSerializer(serializers.Serializer):
    tier = serializers.CharField(source="standing.tier", help_text="free, pro or enterprise: what counts now.")
    given_by = serializers.ChoiceField(
        ["override", "subscription", "nothing"], source="standing.given_by",
        help_text="What gives the tier: staff's word for a while, the subscription, or nothing.",
    )  # fmt: skip
    until = serializers.DateTimeField(
        source="standing.until", allow_null=True, help_text="When it ends if nothing more happens; null: no end."
    )
    plan = serializers.ChoiceField(PLANS, source="subscription.plan", default="free", help_text="What was paid for.")
    status = serializers.ChoiceField(
        SUBSCRIPTION_STATES.states, source="subscription.status", default=None, allow_null=True,
        help_text="Null without a subscription.",
    )  # fmt: skip
    period_start = serializers.DateTimeField(source="subscription.period_start", default=None, allow_null=True)
    period_end = serializers.DateTimeField(source="subscription.period_end", default=None, allow_null=True)
    cancel_at_period_end = serializers.BooleanField(source="subscription.cancel_at_period_end", default=False)


class SubscriptionView(APIView):
    permission_classes = [policy()]

    @extend_schema(responses=SubscriptionSerializer)
    def get(self, request) -> Response:
        """The subscription of the signed-in person, the one that runs or else the last one, and the tier now."""
        mine = request.user.subscriptions.foremost()
        facts = {"standing": tiers.standing_of(request.user), "subscription": mine}
        return Response(SubscriptionSerializer(facts).data)
