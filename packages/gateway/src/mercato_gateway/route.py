"""Chooses the deployment of a call: weights, the better of two by latency and load, ejection, cooldowns, a retry
budget.
"""

import random

from mercato_gateway.catalog import Deployment, Release
from mercato_gateway.refusals import Refused

_FAILURES_TO_EJECT = 5
_EJECT_SECONDS = 5.0
_LONGEST_EJECTION = 300.0
_FORGIVEN_SECONDS = 60.0
_CHECKS_TO_EJECT = 3
_LONGEST_COOLDOWN = 60.0
_EWMA_SHARE = 0.2
_RETRY_RATIO = 0.1
_RETRIES_SAVED = 10.0


class Router:
    """Chooses deployments, and learns from the outcome of calls."""

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311  (spreads load, no secret)
        self._retries = _RETRIES_SAVED

    def choose(self, release: Release, now: float, without: frozenset[str] = frozenset()) -> Deployment:
        """A deployment that accepts calls; raises `Refused` with the time to wait."""
        deployments = release.deployments
        if len(deployments) == 1 and not without:
            only = deployments[0]
            if only.wire.weight and now >= only.ejected_until:
                return only
        able = [d for d in deployments if d.wire.weight and now >= d.ejected_until and d.id not in without]
        if not able:
            # Better one that failed recently than none; but one that sent `Retry-After` is left alone.
            able = [d for d in deployments if d.wire.weight and now >= d.cooled_until and d.id not in without]
        if not able:
            waits = [d.ejected_until - now for d in deployments if d.wire.weight and d.id not in without]
            raise Refused(
                "no_deployment", "No deployment accepts calls now.", retry_after=max(1, round(min(waits, default=1)))
            )
        if len(able) == 1:
            return able[0]
        weights = [d.wire.weight for d in able]
        one, two = self._random.choices(able, weights, k=2)
        return one if _load(one) <= _load(two) else two

    def may_retry(self) -> bool:
        """Takes one retry from the budget: a tenth of the calls, ten saved up."""
        if self._retries < 1:
            return False
        self._retries -= 1
        return True

    def succeeded(self, deployment: Deployment, first_byte_us: int) -> None:
        """An answer below 500 arrived."""
        deployment.failures = 0
        deployment.ewma_us += _EWMA_SHARE * (first_byte_us - deployment.ewma_us)
        if self._retries < _RETRIES_SAVED:
            self._retries += _RETRY_RATIO

    def failed(self, deployment: Deployment, now: float) -> None:
        """No answer, or 5xx. The only deployment of a release is never ejected."""
        deployment.failures += 1
        if deployment.failures >= _FAILURES_TO_EJECT:
            deployment.failures = 0
            self.eject(deployment, now)

    def eject(self, deployment: Deployment, now: float) -> None:
        """Sends it no calls for 5 s, twice as long each time that it fails again soon, for at most five minutes.

        Never ejects more than half of a release's deployments: the others would fail under the load of all.
        """
        siblings = [d for d in deployment.release.deployments if d.wire.weight]
        out = sum(d.out_until > now for d in siblings if d is not deployment)
        if 2 * (out + 1) > len(siblings):
            return
        if now - deployment.out_until > _FORGIVEN_SECONDS:
            deployment.ejections = 0
        deployment.out_until = now + min(_EJECT_SECONDS * 2**deployment.ejections, _LONGEST_EJECTION)
        deployment.ejections = min(deployment.ejections + 1, 10)
        deployment.ejected_until = max(deployment.out_until, deployment.cooled_until)

    def checked(self, deployment: Deployment, now: float, *, well: bool) -> None:
        """Takes the result of an active check. Three failures in a row eject the deployment; a success ends an
        ejection.
        """
        deployment.failed_checks = 0 if well else deployment.failed_checks + 1
        if well:
            deployment.out_until = min(deployment.out_until, now)
            deployment.ejected_until = max(deployment.out_until, deployment.cooled_until)
        elif deployment.failed_checks >= _CHECKS_TO_EJECT and now >= deployment.out_until:
            self.eject(deployment, now)

    def cool_down(self, deployment: Deployment, seconds: float, now: float) -> None:
        """Sends it no calls for the `Retry-After` of its 429 or 503, for at most a minute."""
        deployment.cooled_until = max(deployment.cooled_until, now + min(seconds, _LONGEST_COOLDOWN))
        deployment.ejected_until = max(deployment.ejected_until, deployment.cooled_until)


def _load(deployment: Deployment) -> float:
    return (deployment.ewma_us + 1.0) * (deployment.inflight + 1)
