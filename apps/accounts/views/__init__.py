"""The account pages that are ours; the flows of signing in are allauth's."""
