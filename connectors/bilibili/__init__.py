"""Bilibili, published directly through its open platform."""

from dataclasses import replace

from connectors.base import Place, Platform
from connectors.bilibili.connector import Bilibili
from connectors.bilibili.routes import LIMITS, Routes
from connectors.bilibili.webhooks import BilibiliWebhooks


def _connect(place: Place) -> Bilibili:
    routes = Routes()
    if place.base_url:
        # a stand-in serves both hosts; the real ones differ
        upload = place.upload_url or place.base_url
        routes = replace(routes, base=place.base_url, upload=upload)
    return Bilibili(place.secrets, routes, place.clock)


PLATFORM = Platform("bilibili", "direct", LIMITS, BilibiliWebhooks(), _connect)
