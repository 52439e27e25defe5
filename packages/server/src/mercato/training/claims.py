"""Claims: a job that runs elsewhere says which run is its own before it begins.

So a job whose launch was cut short, before its id was written down, is found; and one whose run has ended meanwhile, or
that was launched beside another, ends before it costs anything.
"""

import hmac
import re
from datetime import timedelta
from urllib.parse import urlencode

from mercato.platform import Clock, Purpose, Session, derive_key
from mercato.training.refusals import ClaimLinkRefused, ClaimRefused, RunNotFound
from mercato.training.repository import TrainingRepository
from mercato_contracts.training import TERMINAL

_JOB = re.compile(r"[A-Za-z0-9_-]{1,100}")


class ClaimLinks:
    """Signs and checks the links of claims. `secret` is the marketplace's own; the key for claims is derived from it.

    `base_url` is where workers reach the control API.
    """

    def __init__(self, secret: bytes, base_url: str, clock: Clock) -> None:
        self._key = derive_key(secret, Purpose.TRAINING_CLAIM)
        self._base_url = base_url
        self._clock = clock

    def sign(self, run_id: str, place: str, expires_in: timedelta) -> str:
        """The link for a job of `place`, which is the first part of its handle."""
        expires = str(int((self._clock.now() + expires_in).timestamp()))
        query = urlencode({"place": place, "expires": expires, "signature": self._signature(run_id, place, expires)})
        return f"{self._base_url}/api/training/runs/{run_id}/claim?{query}"

    def check(self, run_id: str, place: str, expires: str, signature: str) -> None:
        """Raises `ClaimLinkRefused`."""
        expected = self._signature(run_id, place, expires)
        if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
            raise ClaimLinkRefused("The link's signature does not fit its address.")
        if self._clock.now().timestamp() >= int(expires):
            raise ClaimLinkRefused("The link's time is over.")

    def _signature(self, run_id: str, place: str, expires: str) -> str:
        said = f"{run_id}\n{place}\n{expires}".encode("utf-8", "replace")
        return hmac.digest(self._key, said, "sha256").hex()


async def claim_run(session: Session, run_id: str, place: str, job: str) -> None:
    """Make the job the run's, unless it has one; the same claim again changes nothing. Raises `ClaimRefused`."""
    rows = TrainingRepository(session)
    run = await rows.find(run_id, lock=True)
    if run is None:
        raise RunNotFound(f"There is no training run {run_id[:80]}.")
    if not _JOB.fullmatch(job):
        raise ClaimRefused("That is no id of a job.")
    handle = handle_of(place, job)
    if run.state in TERMINAL or run.stop_asked_at is not None:
        raise ClaimRefused(f"{run_id} is over, or is being stopped.")
    if run.launching_at is None or run.handle not in (None, handle):
        raise ClaimRefused(f"{run_id} is another job's.")
    run.handle = handle


def handle_of(place: str, job: str) -> str:
    """What the provider knows a job by."""
    return f"{place}/{job}"
