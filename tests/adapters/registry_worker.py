"""A process that feeds MLflow until a test kills it: `registry_worker.py DATABASE_URL MLFLOW_URL`."""

import asyncio
import sys

from mercato.adapters.mlflow_address import read_address
from mercato.adapters.registry_mlflow import MlflowClient, MlflowRegistry
from mercato.platform import Database
from mercato.registry import ModelReader, RegistryFeeder


async def main() -> None:
    database = Database(sys.argv[1])
    registry = MlflowRegistry(MlflowClient(read_address(sys.argv[2])), prefix="mercato", marketplace="ours")
    await RegistryFeeder(database, registry, ModelReader(database, "https://market.example")).run()


asyncio.run(main())
