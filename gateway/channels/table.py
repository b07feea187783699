"""Every channel there is, by its name in the settings: opened only when it is switched on."""

from __future__ import annotations

CHANNELS: dict[str, str] = {
    "loopback": "gateway.channels.loopback:Loopback",
    "telegram": "gateway.channels.telegram:Telegram",
    "matrix": "gateway.channels.matrix:Matrix",
    "email": "gateway.channels.email:Email",
    "webhook": "gateway.channels.webhook:Webhook",
}
"""name -> "module:Class" of a Channel made by Class(settings section, secrets, home)."""
