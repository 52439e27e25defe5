"""Whether news reaches its readers while something else goes on."""

from mercato.datasets import PanelBuilt
from mercato.platform import Database, Outbox
from mercato.platform.outbox import read_end, read_events, read_place
from tests.support.waiting import until


async def news_flows(database: Database, outbox: Outbox) -> bool:
    """Whether news that is written and committed now can be read at once: no open transaction holds it back."""
    async with database.transaction() as session:
        before = await read_end(session)
    async with database.transaction() as session:
        await outbox.add(session, PanelBuilt(by="usr_test", dataset="a-test", panel_id="pnl_test"))
    async with database.transaction() as session:
        return len(await read_events(session, before, [PanelBuilt], 10)) > 0


async def until_passed(database: Database, reader: str, number: int) -> None:
    """Until it is committed that this reader has handled the news up to this number."""

    async def has_passed() -> bool:
        async with database.transaction() as session:
            return (await read_place(session, reader)).number >= number

    await until(has_passed)
