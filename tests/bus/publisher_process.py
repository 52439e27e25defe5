"""A process that publishes until a test kills it: `publisher_process.py DATABASE_URL FOLDER`."""

import asyncio
import sys
from pathlib import Path

from mercato.adapters.events_folder import FolderBus
from mercato.bus import BusPublisher
from mercato.platform import Database, SystemClock


async def main() -> None:
    database = Database(sys.argv[1])
    await BusPublisher(database, SystemClock(), FolderBus(Path(sys.argv[2])), gathers_seconds=0).run()


asyncio.run(main())
