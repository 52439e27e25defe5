"""Pages of the desk: the live book, rounds, kill switches, the optimizer, record and log."""

from mercato.console.desk import book, history, optimizer, switches

ROUTERS = tuple(page.router for page in (book, switches, optimizer, history))

__all__ = ["ROUTERS"]
