"""Checks of foreign text in processes of their own, each with limits on processor time, memory and duration.

`ConfinedChecks` starts one small server (`server.py`) that has imported every check and forks a process for each task,
which costs milliseconds. Whatever a text does to its process, the caller's event loop and all other checks continue.
"""

from mercato_checks.confined.limits import LIVE, QUICK, THOROUGH, CheckStopped, Limits, Stopped
from mercato_checks.confined.pool import ConfinedChecks

__all__ = ["LIVE", "QUICK", "THOROUGH", "CheckStopped", "ConfinedChecks", "Limits", "Stopped"]
