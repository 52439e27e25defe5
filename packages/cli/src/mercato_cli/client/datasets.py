"""Datasets, their rounds and files."""

from mercato_cli.client.paths import segment
from mercato_cli.transport import Transport
from mercato_contracts.datasets import (
    DatasetDetail,
    DatasetList,
    DatasetView,
    FileGrant,
    RoundDetail,
    RoundPage,
    RoundView,
)


class DatasetCalls(Transport):
    """Datasets, their rounds and files."""

    def list_datasets(self) -> list[DatasetView]:
        """Every dataset that the caller may use."""
        return self.ask(DatasetList, "GET", "/api/datasets").items

    def dataset(self, name: str) -> DatasetDetail:
        """A dataset with its card."""
        return self.ask(DatasetDetail, "GET", f"/api/datasets/{segment(name)}")

    def list_rounds(self, dataset: str) -> list[RoundView]:
        """Every round, the newest first."""
        return list(self.pages(RoundPage, f"/api/datasets/{segment(dataset)}/rounds"))

    def round(self, dataset: str, number: str) -> RoundDetail:
        """The round of this number; `current` is the open one."""
        return self.ask(RoundDetail, "GET", f"/api/datasets/{segment(dataset)}/rounds/{segment(number)}")

    def file_grant(self, round_id: str, name: str) -> FileGrant:
        """A link to one file of a round."""
        return self.ask(FileGrant, "GET", f"/api/rounds/{segment(round_id)}/files/{segment(name)}")
