"""Every setting: read, checked as a whole and described, before anything connects.

Reading order: `fields` (what there is), `rules` (what must hold between them), `loading` (the
environment and the secrets directory), `description` (what ``check-config`` prints).
"""

from streamer.settings.description import SettingRow, describe, masked_url
from streamer.settings.fields import PREFIX, Settings
from streamer.settings.loading import child_environment, load_settings

__all__ = [
    "PREFIX",
    "SettingRow",
    "Settings",
    "child_environment",
    "describe",
    "load_settings",
    "masked_url",
]
