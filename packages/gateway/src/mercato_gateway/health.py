"""Active health checks of deployments that have siblings to take their calls: few at once, spread over time."""

import asyncio
import random
import ssl

from mercato_gateway.catalog import Catalog, Deployment
from mercato_gateway.route import Router
from mercato_gateway.upstream import PrivateAddress

_LOOK_SECONDS = 0.5
_EVERY_SECONDS = 10.0
_EVERY_SECONDS_OUT = 2.0
_TIMEOUT_SECONDS = 2.0
_MOST_AT_ONCE = 16


class HealthChecks:
    """Checks each deployment that was called and has siblings about every 10 s, an ejected one every 2 s."""

    def __init__(self, loop: asyncio.AbstractEventLoop, catalog: Catalog, router: Router) -> None:
        self._loop = loop
        self._catalog = catalog
        self._router = router
        self._running: set[asyncio.Task[None]] = set()
        self.started = 0
        self.failed = 0

    async def run(self) -> None:
        """For as long as the worker lives."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            now = self._loop.time()
            for deployment in self._catalog.deployments():
                if len(self._running) >= _MOST_AT_ONCE:
                    break
                if deployment.check_at <= now and deployment.wire.weight and len(deployment.release.deployments) > 1:
                    self._start(deployment, now)

    def _start(self, deployment: Deployment, now: float) -> None:
        out = deployment.out_until > now or deployment.failed_checks
        every = _EVERY_SECONDS_OUT if out else _EVERY_SECONDS
        # Many deployments may come with one snapshot: their first checks are spread too.
        first = deployment.check_at == 0.0
        deployment.check_at = now + every * random.uniform(0.1 if first else 0.75, 1.25)  # noqa: S311  (jitter)
        if first:
            return
        task = self._loop.create_task(self._check(deployment))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _check(self, deployment: Deployment) -> None:
        self.started += 1
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS):
                well = await deployment.pool.check(deployment.wire.health_path)
        except (OSError, TimeoutError, ssl.SSLError, PrivateAddress, ValueError):
            well = False
        self.failed += not well
        self._router.checked(deployment, self._loop.time(), well=well)

    def ejected(self) -> int:
        """How many deployments are ejected."""
        now = self._loop.time()
        return sum(deployment.out_until > now for deployment in self._catalog.deployments())
