"""Douyin, handed to a person through a signed share link."""

from dataclasses import replace

from connectors.base import Place, Platform
from connectors.douyin.connector import Douyin
from connectors.douyin.routes import LIMITS, Routes
from connectors.douyin.webhooks import DouyinWebhooks


def _connect(place: Place) -> Douyin:
    routes = Routes()
    if place.base_url:
        routes = replace(routes, base=place.base_url)
    return Douyin(place.secrets, routes, place.clock)


PLATFORM = Platform("douyin", "handoff", LIMITS, DouyinWebhooks(), _connect)
