"""Signals of rounds: accepted, scored, combined into a consensus, turned into positions.

* *Signal*: a deployment's scores for the ids of one era; *entry*: its place in the log, which is never changed.
* *Voice*: one deployment's part in a round: what it wrote, and its scores of earlier rounds.
* *Consensus*: the weighted mean of an era's signals; weights follow earlier skill and are capped.
* *Portfolio*: the desk's positions for an era, and which part of each comes from whose signal.
* *Kill switch*: takes a deployment, a vendor or the whole desk out of routing and out of the next consensus.
* *Record*: the desk's decisions, each line chained to the one before.
"""

from mercato.signals.browse import DeskWindow
from mercato.signals.kill import KillKeeper, KillSwitches
from mercato.signals.live import LiveRounds
from mercato.signals.log import SignalLog
from mercato.signals.models import DeskDocument, DeskEvent, KillSwitch
from mercato.signals.optimize import optimize
from mercato.signals.record import DeskRecord
from mercato.signals.settle import RoundSettling, settling_starter
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
    "SignalLog",
    "SignalStore",
    "optimize",
    "receive",
    "settling_starter",
    "view_receipt",
]
