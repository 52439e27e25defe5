"""Whether news reaches its readers while something else goes on."""

from mercato.datasets import PanelBuilt
from mercato.platform import Database, Outbox
from mercato.platform.outbox import read_end, read_events


async def news_flows(database: Database, outbox: Outbox) -> bool:
    """Whether news that is written and committed now can be read at once: no open transaction holds it back."""
    async with database.transaction() as session:
        before = await read_end(session)
    async with database.transaction() as session:
        await outbox.add(session, PanelBuilt(by="usr_test", dataset="a-test", panel_id="pnl_test"))
    async with database.transaction() as session:
        return len(await read_events(session, before, [PanelBuilt], 10)) > 0
