"""Errors: one line that says what to do next, and an exit code."""

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes of every command; they never change their meaning. 130 is Ctrl-C.

    `mp train wait` also ends as its run ended (`RunExit`), and there 1, 2 and 3 have a second meaning.
    """

    DONE = 0
    REFUSED = 1
    """The marketplace said no, or a release was refused."""
    USAGE = 2
    """The command was used wrongly, or a file cannot be read."""
    NOT_LOGGED_IN = 3
    """No credential, or one that is not accepted."""
    UNREACHABLE = 4
    """No answer, or none that can be used."""
    WAITING = 5
    """Not decided when the time was over."""
    FAULT = 70
    """mp itself failed (`EX_SOFTWARE` of sysexits.h)."""


class RunExit(IntEnum):
    """Exit codes of `mp train wait` once its run has ended; they never change their meaning.

    1, 2 and 3 are `Exit.REFUSED`, `Exit.USAGE` and `Exit.NOT_LOGGED_IN` too. Standard output tells them
    apart: it names the run and its state when the run ended, and is empty after any other error.
    """

    SUCCEEDED = 0
    FAILED = 1
    TIMED_OUT = 2
    STOPPED = 3


class Interrupted(Exception):
    """Somebody pressed Ctrl-C while a command ran."""


class ReaderLeft(Exception):
    """The reader of our output has gone: `mp … | head`."""


_TITLES = {
    Exit.DONE: "Done",
    Exit.REFUSED: "Refused",
    Exit.USAGE: "Used wrongly",
    Exit.NOT_LOGGED_IN: "Not logged in",
    Exit.UNREACHABLE: "No usable answer",
    Exit.WAITING: "Not decided yet",
    Exit.FAULT: "A fault of mp",
}


class MpError(Exception):
    """One sentence, what to do next, and the exit code. `problem` is the marketplace's own answer, when it gave one."""

    def __init__(self, text: str, fix: str = "", exit_code: Exit = Exit.USAGE, problem: dict[str, Any] | None = None):
        super().__init__(text)
        self.text = text
        self.fix = fix
        self.exit_code = exit_code
        self.problem = problem or {}

    def lines(self) -> list[str]:
        """For people: the sentence and its remedy on one line, then a line for each field that is wrong."""
        written = [f"mp: {self.text} {self.fix}".rstrip()]
        for error in self.problem.get("errors") or []:
            if isinstance(error, dict):
                field = str(error.get("field") or "the whole").replace("_", " ")
                written.append(f"  {field}: {error.get('message', '')}")
        facts = self.problem.get("facts")
        for name, value in facts.items() if isinstance(facts, dict) else ():
            if isinstance(value, list) and value:
                written.append(f"  {str(name).replace('_', ' ')}: {', '.join(map(str, value))}")
        return written

    def to_json(self) -> dict[str, Any]:
        """For machines: the problem as it came, or one of our own."""
        own = {"title": _TITLES[self.exit_code], "detail": self.text, "fix": self.fix}
        advice = {"fix": self.fix} if self.fix else {}
        return {"error": {**own, **self.problem, **advice, "exit_code": int(self.exit_code)}}


def not_logged_in(why: str, how: str = "Log in with `mp login`.") -> MpError:
    """No credential that counts."""
    return MpError(why, how, Exit.NOT_LOGGED_IN)
