"""What model providers call things in answers; the gateway that counts, `mp` and the checks of a release share it."""

REASONING_NAMES = frozenset(
    {
        "reasoning", "reasoning_content", "reasoning_text", "reasoning_details", "reasoningContent", "thinking",
        "thinking_content", "thinking_blocks", "thought", "thoughts",
    }
)  # fmt: skip
"""Members of a message or delta that hold reasoning. Providers often send the same text under two of them."""

ANSWER_NAMES = REASONING_NAMES | {"content", "tool_calls", "function_call", "refusal", "audio", "images"}
"""Members of an assistant's message, any of which makes it an answer."""

ERROR_NAMES = frozenset(
    {
        "error", "Error", "errors", "err", "fault", "exception", "error_code", "errorCode", "err_code", "errcode",
        "error_msg", "err_msg", "errmsg", "error_message", "errorMessage",
    }
)  # fmt: skip
"""Members of an answer that report a failure, unless they hold nothing or one of `NO_ERRORS`."""

NO_ERRORS = frozenset({"0", "ok", "success", "none", "null", "false"})
"""Words, in lower case, that report no failure where a failure would be reported."""

CODE_NAMES = frozenset({"code", "status", "status_code", "statusCode"})
"""Members of an answer that may hold a status of HTTP: 400 to 599 report a failure."""

SAID_NAMES = frozenset({"message", "Message", "msg", "detail"})
"""What a failure says of itself: an object that has one, and no member that answers have, reports a failure."""

GOOD_NAMES = frozenset({"success", "ok"})
"""Members that report a failure where they are false."""

BAD_NAMES = frozenset({"is_error", "isError"})
"""Members that report a failure where they are true."""

_STATES = frozenset({"failed", "failure", "fail"})
_STATE_NAMES = frozenset({"status", "state", "event", "type"})
_KINDS = frozenset({"error", "exception"})
_ENDS = (".failed", ".error", "_error")


def is_failing_status(code: str) -> bool:
    """Whether a code is the status of a failure, 400 to 599."""
    return len(code) == 3 and code[0] in "45" and code.isascii() and code.isdigit()


def names_failure(name: str, word: str) -> bool:
    """Whether the member `name`, whose value is `word` in lower case, says that the call failed."""
    if name in CODE_NAMES and is_failing_status(word):
        return True
    return word in _KINDS or word.endswith(_ENDS) or (word in _STATES and name in _STATE_NAMES)
