"""Signals of rounds: taken, scored, joined to a consensus, turned into positions."""

from mercato.signals.browse import DeskWindow
from mercato.signals.kill import KillKeeper, KillSwitches
from mercato.signals.live import LiveRounds
from mercato.signals.log import SignalLog
from mercato.signals.models import DeskDocument, DeskEvent, KillSwitch, SignalEntry
from mercato.signals.optimize import optimize
from mercato.signals.record import DeskRecord
from mercato.signals.settle import RoundSettling, SettlingStarter
from mercato.signals.store import ReceivedBody, SignalStore, receive, view_receipt

__all__ = [
    "DeskDocument",
    "DeskEvent",
    "DeskRecord",
    "DeskWindow",
    "KillKeeper",
    "KillSwitch",
    "KillSwitches",
    "LiveRounds",
    "ReceivedBody",
    "RoundSettling",
    "SettlingStarter",
    "SignalEntry",
    "SignalLog",
    "SignalStore",
    "optimize",
    "receive",
    "view_receipt",
]
