"""Every kind of place skills are published to.

A function each: (App, Publication) -> what was done, or would be.
"""

from __future__ import annotations

PUBLISHERS = {
    "wellknown": "gateway.sharing.publishers.wellknown:publish",
    "github": "gateway.sharing.publishers.github:publish",
}
