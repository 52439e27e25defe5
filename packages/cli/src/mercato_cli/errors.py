"""What can go wrong, as one line that says what to do next, and as an exit code."""

from enum import IntEnum
from typing import Any


class Exit(IntEnum):
    """Exit codes; they never change their meaning. 130 is Ctrl-C."""

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
        said = [f"mp: {self.text} {self.fix}".rstrip()]
        for error in self.problem.get("errors") or []:
            if isinstance(error, dict):
                said.append(f"  {error.get('field') or 'the whole'}: {error.get('message', '')}")
        return said

    def to_json(self) -> dict[str, Any]:
        """For machines: the problem as it came, or one of our own."""
        own = {"title": type(self).__name__, "detail": self.text, "fix": self.fix}
        return {"error": {**own, **self.problem, "exit_code": int(self.exit_code)}}


REMEDIES = {
    "not_allowed": "Log in as somebody who may: `mp login --email`, or with another key.",
    "key_not_found": "List your keys with `mp keys list`.",
    "key_is_over": "Make another with `mp keys make`.",
    "service_not_found": "Find it with `mp search`.",
    "plan_not_offered": "See the open plans with `mp services show`.",
    "version_exists": "Raise `version` in service.yaml and run `mp publish` again.",
    "manifest_refused": "Mend these fields and run `mp publish` again.",
    "other_plan_active": "End that one first: `mp subscriptions`, then `mp unsubscribe ID`.",
    "subscription_not_found": "List them with `mp subscriptions`.",
    "webhook_not_found": "List them with `mp webhooks list`.",
    "webhook_disabled": "Enable it first: `mp webhooks enable ID`.",
    "dataset_not_found": "See yours with `mp data list`.",
    "round_not_found": "See the rounds with `mp data list DATASET`.",
    "no_round_open": "See the rounds with `mp data list DATASET` and name one with --round.",
    "targets_under_embargo": "See from when on with `mp data info DATASET --round NUMBER`.",
    "wrong_password": "Try again: `mp login --email`.",
}
"""What to do with `mp` about a code of the marketplace; of other codes its own advice is shown."""


def not_logged_in(why: str) -> MpError:
    """No credential that counts."""
    return MpError(why, "Log in with `mp login`.", Exit.NOT_LOGGED_IN)
