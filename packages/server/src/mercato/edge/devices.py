"""What the JSON half and the page of a device's login share."""

from typing import Annotated

from fastapi import Depends

from mercato.edge.sessions import sessions_in
from mercato.edge.wiring import Parts, Transaction
from mercato.identity import DeviceLogins

PAGE = "/device"
"""The address at which a person approves a device."""


def devices_of(session: Transaction, parts: Parts) -> DeviceLogins:
    return DeviceLogins(session, parts.clock, parts.ids, sessions_in(session, parts))


Devices = Annotated[DeviceLogins, Depends(devices_of)]
