"""The settings of the control plane, as its process has read them."""

from typing import Literal

from pydantic import Field

from mercato_contracts.wire import Wire

SettingSource = Literal["default", "given", "generated"]
"""`generated`: made at the first start and kept in the state folder."""


class SettingView(Wire):
    """One setting. A secret is never shown."""

    name: str = Field(description="The environment variable that sets it")
    value: str | None = Field(description="`None` where it is not set")
    source: SettingSource = Field(description="Where the value comes from")
    secret: bool = Field(description="Whether it is a secret, whose value is never shown")
    description: str = Field(description="What it sets")


class SettingList(Wire):
    """Every setting. They are read once, when a process starts, so nothing here can be lost by a restart."""

    items: list[SettingView] = Field(description="The settings, by name")
