"""The structure of an answer, as the scanner follows it: open objects and lists, and what each place can hold."""

from typing import Final

from mercato_contracts.answers import CODE_NAMES, ERROR_NAMES, REASONING_NAMES, SAID_NAMES
from mercato_gateway.texts import NO_TEXT_NAMES
from mercato_gateway.usage import PART_NAMES, PASSED_NAMES, STEPS_NAME, USAGE_NAMES, Statement

# Places in an answer where an object, a list or a string may stand.
NOWHERE: Final = 0
TOP: Final = 1
CHOICE: Final = 2
MESSAGE: Final = 3
CONTENT: Final = 4
ERROR: Final = 5
USAGE: Final = 6
PASSED: Final = 7
STATUS: Final = 8
REPLY: Final = 9
"""A message of the model, as a whole or in parts; the other messages may be those of its tools."""
STEPS: Final = 10
"""The list of a call's steps in a usage object, and each of them."""
COUNTING: Final = (TOP, USAGE, STEPS)

MESSAGE_NAMES = frozenset(
    {"message", "delta", "output", "item", "part", "content_block", "token", "completion_message"}
)
_CONTENT_NAMES = frozenset(
    {
        "content", "text", "generated_text", "generation", "completion", "outputText", "output_text", "candidates",
        "b64_json", "partial_image_b64",
    }
)  # fmt: skip
WRAPPER_NAMES = frozenset(
    {"response", "Response", "result", "results", "data", "body", "event", "generations", "predictions"}
)
# Members whose value may also be a string of text.
STRING_NAMES = frozenset({"delta", "output", "token", "response", "result"})
# Members that repeat what came earlier in a stream.
_SNAPSHOT_NAMES = frozenset({"response", "item", "part", "generated_text"})
_REPLY_NAMES = frozenset({"message", "delta", "completion_message"})
_USAGE_OF_MESSAGES = frozenset({"usage", "usage_metadata", "usageMetadata", "token_usage"})
_TEXT_NAMES = REASONING_NAMES | {"answer", "outputs"}
NOTED_NAMES = frozenset({"type", "object", "event", "event_type", "status", "state", "finish_reason", "finishReason"})
_WITH_REASONING = (TOP, CHOICE, MESSAGE, REPLY)
_FINISH_NAMES = ("finish_reason", "finishReason")


class Frame:
    """An open object or list; `text`, `reasoning` and `snapshot` are bytes of text in it."""

    __slots__ = (
        "billed", "delta", "expects_name", "is_list", "message", "name", "place", "reasoning", "snapshot", "statement",
        "text",
    )  # fmt: skip

    def __init__(self, place: int, *, is_list: bool, name: str) -> None:
        self.place = place
        self.is_list = is_list
        self.expects_name = not is_list
        self.name = name  # of the member that is being read; in a list, of the list
        self.text = self.reasoning = self.snapshot = 0
        self.delta = self.message = -1
        self.statement: Statement | None = None
        self.billed = False

    def receive(self, name: str, text: int, snapshot: int, *, container: bool) -> None:
        """Adds the text of a member or an element. Of alternatives, at the top and in a choice, the longest counts."""
        place = self.place
        if self.is_list:
            self.text += text
            self.snapshot += snapshot
        elif name in REASONING_NAMES and place in _WITH_REASONING:
            self.reasoning = max(self.reasoning, text)
        elif place == TOP:
            if name in _SNAPSHOT_NAMES and (container or name == "generated_text"):
                self.snapshot = max(self.snapshot, text, snapshot)
            else:
                self.text = max(self.text, text)
                self.snapshot = max(self.snapshot, snapshot)
        elif place == CHOICE and name == "delta":
            self.delta = text
        elif place == CHOICE and name == "message":
            self.message = text
        elif place == CHOICE:
            self.text = max(self.text, text)
        else:
            self.text += text

    def total(self) -> int:
        """Bytes of text that count."""
        if self.place == CHOICE and not self.is_list:
            # Some streams repeat the whole message beside each delta.
            return max(self.text, self.delta if self.delta >= 0 else self.message) + self.reasoning
        return self.text + self.reasoning

    def own_statement(self) -> Statement:
        """The counts that this object states."""
        statement = self.statement
        if statement is None:
            statement = self.statement = Statement()
        return statement


def is_noted(place: int, name: str) -> bool:
    """Whether the value of this member may mean a failure, or names the kind of the event."""
    if place == TOP:
        return name in NOTED_NAMES or name in CODE_NAMES or name in SAID_NAMES
    if place == STEPS:
        return name == "type"
    return place in (CHOICE, MESSAGE, REPLY) and name in _FINISH_NAMES


def place_of(place: int, name: str) -> int:
    """The place of a member `name` of an object at `place`."""
    if place in (TOP, CHOICE):
        if name in USAGE_NAMES:
            return USAGE
        if name in ERROR_NAMES or name.endswith("Exception"):
            return ERROR
        if name in PASSED_NAMES or name.startswith("x_"):
            return PASSED
    if place == TOP:
        return _place_at_top(name)
    if place == CHOICE:
        if name in _REPLY_NAMES:
            return REPLY
        return CONTENT if name == "text" or name in REASONING_NAMES else NOWHERE
    if place in (MESSAGE, REPLY):
        if place == REPLY and name in ERROR_NAMES:
            return ERROR
        if name in PASSED_NAMES:
            return PASSED
        if name in NO_TEXT_NAMES:
            return NOWHERE
        return USAGE if name in _USAGE_OF_MESSAGES else CONTENT
    if place == CONTENT:
        return NOWHERE if name in NO_TEXT_NAMES else CONTENT
    if place == USAGE:
        if name == STEPS_NAME:
            return STEPS
        return USAGE if name in PART_NAMES or name in USAGE_NAMES else NOWHERE
    if place == STEPS:
        return STEPS if name in PART_NAMES or name in USAGE_NAMES else NOWHERE
    return USAGE if place == PASSED and name in USAGE_NAMES else NOWHERE


def _place_at_top(name: str) -> int:
    if name == "choices":
        return CHOICE
    if name in _REPLY_NAMES:
        return REPLY
    if name in MESSAGE_NAMES:
        return MESSAGE
    if name in _CONTENT_NAMES or name in _TEXT_NAMES:
        return CONTENT
    if name in WRAPPER_NAMES:
        return TOP
    return STATUS if name == "base_resp" else NOWHERE
