"""What the JSON half and the page of a device's login share."""

from typing import Annotated

from fastapi import Depends

from mercato.edge.wiring import Parts, Transaction
from mercato.identity import DeviceLogins, Sessions

PAGE = "/device"
"""The address at which a person approves a device."""


def devices_of(session: Transaction, parts: Parts) -> DeviceLogins:
    sessions = Sessions(session, parts.clock, parts.ids, parts.tokens)
    return DeviceLogins(session, parts.clock, parts.ids, sessions)


Devices = Annotated[DeviceLogins, Depends(devices_of)]
