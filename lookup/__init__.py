"""Qorgan: is my identifier in a leak, which of my data were, and what should I do now?

``lookup`` is the service and what it shares with clients and loaders. It never imports
``loaders``. docs/architecture.md draws the two flows.
"""
