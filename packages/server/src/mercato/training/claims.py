"""Claims: a job that runs elsewhere names its run before it starts to train.

A claim finds the job of a launch that was cut short before the job's id was written down. It also stops, before it
costs anything, a job whose run has ended meanwhile or already has another job.
"""

import hmac
import re
from datetime import timedelta
from urllib.parse import urlencode

from mercato.platform import Clock, MarketplaceSecret, Purpose, Session, is_any_of
from mercato.training.refusals import ClaimLinkRefused, ClaimRefused, RunNotFound
from mercato.training.repository import TrainingRepository
from mercato_contracts.training import TERMINAL

_JOB = re.compile(r"[A-Za-z0-9_-]{1,100}")


class ClaimLinks:
    """Signs and checks the links of claims. `secret` is the marketplace's own; keys for claims are derived from it.

    `base_url` is where workers reach the control API.
    """

    def __init__(self, secret: MarketplaceSecret, base_url: str, clock: Clock) -> None:
        self._secret = secret
        self._base_url = base_url
        self._clock = clock

    def sign(self, run_id: str, place: str, expires_in: timedelta) -> str:
        """The claim link for a job of `place`, which is the first part of its handle."""
        expires = str(int((self._clock.now() + expires_in).timestamp()))
        key = self._secret.derive(Purpose.TRAINING_CLAIM)
        query = urlencode({"place": place, "expires": expires, "signature": _sign(key, run_id, place, expires)})
        return f"{self._base_url}/api/training/runs/{run_id}/claim?{query}"

    def check(self, run_id: str, place: str, expires: str, signature: str) -> None:
        """Raises `ClaimLinkRefused`."""
        keys = self._secret.derive_each(Purpose.TRAINING_CLAIM)
        if not is_any_of(signature, (_sign(key, run_id, place, expires) for key in keys)):
            raise ClaimLinkRefused("The link's signature does not match its address.")
        if self._clock.now().timestamp() >= int(expires):
            raise ClaimLinkRefused("The link has expired.")


def _sign(key: bytes, run_id: str, place: str, expires: str) -> str:
    signed = f"{run_id}\n{place}\n{expires}".encode("utf-8", "replace")
    return hmac.digest(key, signed, "sha256").hex()


async def claim_run(session: Session, run_id: str, place: str, job: str) -> None:
    """Make this the run's job, unless it has one; the same claim again changes nothing. Raises `ClaimRefused`."""
    rows = TrainingRepository(session)
    run = await rows.find(run_id, lock=True)
    if run is None:
        raise RunNotFound(f"There is no training run {run_id[:80]}.")
    if not _JOB.fullmatch(job):
        raise ClaimRefused("That is not the id of a job.")
    handle = handle_of(place, job)
    if run.state in TERMINAL or run.stop_asked_at is not None:
        raise ClaimRefused(f"{run_id} is over, or is being stopped.")
    if run.launching_at is None or run.handle not in (None, handle):
        raise ClaimRefused(f"{run_id} is another job's.")
    run.handle = handle


def handle_of(place: str, job: str) -> str:
    """The name by which the provider knows a job."""
    return f"{place}/{job}"
