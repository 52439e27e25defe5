"""Names that stand for deployments of private services, and for their vendors, in what the desk publishes.

Scores and their inputs are the same bytes for everybody, and anybody recomputes them. So a private deployment is in
them under another name, always the same one, and its vendor too.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeVar

from mercato.platform import Purpose, derive_key
from mercato_contracts import ids
from mercato_contracts.consensus import ConsensusWeight, ConsensusWrite
from mercato_contracts.optimizer import Attribution, OptimizerWrite

_Named = TypeVar("_Named", ConsensusWeight, Attribution)


@dataclass(frozen=True, slots=True)
class PrivateNames:
    """What deployments are called for readers who do not see `hidden`, ids of deployments.

    `key` (secret) makes the names: without it, nobody finds the deployment that a name stands for.
    """

    key: bytes
    hidden: Collection[str] = ()

    def deployment(self, deployment_id: str) -> str:
        """Its id, or the name that stands for it."""
        return self.stand_in(deployment_id) if deployment_id in self.hidden else deployment_id

    def vendor(self, deployment_id: str, slug: str) -> str:
        """The slug of this deployment's vendor, or the name that stands for it."""
        return f"private-{self._digest(f'vendor {slug}')[:16]}" if deployment_id in self.hidden else slug

    def stand_in(self, deployment_id: str) -> str:
        """The name that stands for this deployment wherever it is hidden: of the form of an id, and nobody's id."""
        return f"{ids.DEPLOYMENT}_{self._digest(f'deployment {deployment_id}')[:32]}"

    def in_consensus(self, write: ConsensusWrite) -> ConsensusWrite:
        """The consensus of an era as these readers see it."""
        consensus = write.consensus
        best = consensus.best_single and self.deployment(consensus.best_single)
        shown = consensus.model_copy(update={"weights": self._rename(consensus.weights), "best_single": best})
        return write.model_copy(update={"consensus": shown})

    def in_portfolio(self, write: OptimizerWrite) -> OptimizerWrite:
        """The portfolio of an era as these readers see it."""
        return write.model_copy(update={"attributions": self._rename(write.attributions)})

    def _rename(self, rows: Sequence[_Named]) -> list[_Named]:
        return [
            row.model_copy(
                update={
                    "deployment": self.deployment(row.deployment),
                    "vendor": self.vendor(row.deployment, row.vendor),
                }
            )
            for row in rows
        ]

    def _digest(self, name: str) -> str:
        return derive_key(self.key, Purpose.PRIVATE_NAME, name).hex()
