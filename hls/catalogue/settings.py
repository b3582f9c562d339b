"""Every setting at which the library is measured."""

from __future__ import annotations

from functools import cache

from hwcompress.hls.catalogue.layer_settings import layer_settings
from hwcompress.hls.catalogue.logic_settings import logic_settings
from hwcompress.hls.catalogue.setting import Setting
from hwcompress.hls.catalogue.stream_settings import stream_settings

__all__ = ["settings"]


@cache
def settings() -> tuple[Setting, ...]:
    """All settings, by module in alphabetical order, each module's in the order written."""
    found = [*stream_settings(), *logic_settings(), *layer_settings()]
    return tuple(sorted(found, key=lambda setting: setting.module))
