"""Ships the spools of workers that no longer run: folders with a free lock that still have segments."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path

from mercato_gateway.control import ControlClient, ControlUnavailable
from mercato_gateway.log import log
from mercato_gateway.settle import new_life
from mercato_gateway.ship import Shipper
from mercato_gateway.spool import Spool, SpoolLocked, segments_in

_LOOK_SECONDS = 5.0


class Adoption:
    """Every worker has one; a folder's lock lets one of them ship it. Then the leases of that gateway go back too."""

    def __init__(
        self, state: Path, own: Path, control: ControlClient, open_spool: Callable[[Path, str], Spool],
        id_of: Callable[[Path], str],
    ) -> None:  # fmt: skip
        self._state = state
        self._own = own
        self._control = control
        self._open_spool = open_spool
        self._id_of = id_of

    async def run(self) -> None:
        """Looks for such folders every few seconds, for as long as the worker lives."""
        while True:
            for folder in sorted(self._state.glob("worker-*")):
                if folder != self._own and segments_in(folder):
                    await self._ship(folder)
            await asyncio.sleep(_LOOK_SECONDS * random.uniform(0.5, 1.5))  # noqa: S311  (jitter, no secret)

    async def _ship(self, folder: Path) -> None:
        try:
            spool = self._open_spool(folder, new_life())
        except SpoolLocked:
            return
        shipper = Shipper(spool, self._control, self._id_of(folder))
        try:
            while await shipper.ship_once():  # noqa: ASYNC110  (work, not waiting)
                await asyncio.sleep(0)
            log("spool_adopted", folder=folder.name, shipped=shipper.shipped)
        except (ControlUnavailable, OSError):
            pass  # the worker's own shipper has logged it; this folder is tried again later
        finally:
            shipper.close()
            spool.close()
