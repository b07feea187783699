"""Every channel there is, by its name in the settings: opened only when it is switched on."""

from __future__ import annotations

CHANNELS: dict[str, str] = {
    "telegram": "gateway.channels.telegram:Telegram",
}
"""name -> "module:Class" of a Channel made by Class(settings section, secrets, home)."""
