"""Reads services' streams for people: text as it arrives, and whether an event reports a failure."""

import json
from dataclasses import dataclass
from typing import Any

from mercato_contracts.answers import (
    BAD_NAMES,
    CODE_NAMES,
    ERROR_NAMES,
    GOOD_NAMES,
    NO_ERRORS,
    REASONING_NAMES,
    SAID_NAMES,
    is_failing_status,
    names_failure,
)

_KINDS = ("type", "object", "event", "event_type", "state")
_REASONS = ("error_msg", "error_message", "errorMessage", "errmsg", "err_msg", "err", "fault", "exception")
_SENTENCES = ("message", "msg", "detail", "status_msg", "faultstring")
_FINISHES = ("finish_reason", "finishReason")
_TEXTS = ("text", "content", "generated_text", "response")
_FIELDS = ("data:", "event:", "id:", "retry:", "error:", ":")
_LONGEST_FAILURE = 500
_LONGEST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class Event:
    """One event: its `name`, empty where it has none, and its `data`."""

    name: str
    data: str

    @property
    def is_error(self) -> bool:
        """Whether its name says so, whatever it holds."""
        name = self.name.lower()
        return name in ("error", "exception") or name.endswith((".error", ".failed"))


class StreamReader:
    """Reads an answer line by line. `is_events`: they are server-sent events; `failure`: what the first event, or the
    answer, that says that something failed says about it.
    """

    def __init__(self) -> None:
        self.is_events = False
        self.failure: str | None = None
        self._begun = False
        self._name = ""
        self._data: list[str] = []
        self._kept = 0

    def feed(self, line: str) -> str:
        """The words of the event that ends with this line, if one does."""
        if not self._begun:
            line = line.removeprefix("\ufeff")
            self._begun = bool(line.strip())
            self.is_events = line.startswith(_FIELDS)
        if not self.is_events:
            self._keep(line)
            return ""
        if not line:
            return self.finish()
        field, _, value = line.partition(":")
        if field in ("data", "error"):
            self._data.append(value.removeprefix(" "))
        if field == "error":  # llama.cpp
            self._name = "error"
        elif field == "event":
            self._name = value.strip()
        return ""

    def finish(self) -> str:
        """The words of the last event, where no empty line ends it."""
        event = Event(self._name, "\n".join(self._data))
        self._name, self._data, self._kept = "", [], 0
        if not event.data and not event.name:
            return ""
        failure = failure_of(event)
        self.failure = self.failure or failure
        return words_of(event) if failure is None and self.is_events else ""

    def _keep(self, line: str) -> None:
        """Read a line that is no event: it may be a JSON object, or a part of one."""
        if line.startswith("{") and line.rstrip().endswith("}"):
            self.failure = self.failure or failure_of(Event("", line))
        elif self._kept < _LONGEST_ANSWER:
            self._data.append(line)
            self._kept += len(line)


def failure_of(event: Event) -> str | None:
    """The reason in an event that reports a failure; `None` for all others."""
    try:
        content = json.loads(event.data)
    except ValueError:
        return _shorten(event.data) if event.is_error else None
    for part in content if isinstance(content, list) else [content]:
        if isinstance(part, dict) and (event.is_error or _fails(part)):
            return _shorten(_reason(part))
    return _shorten(event.data) if event.is_error else None


def _fails(part: dict[str, Any]) -> bool:
    if any(is_failing_status(str(part.get(name))) for name in CODE_NAMES):
        return True
    if any(names_failure(name, part[name].lower()) for name in _KINDS if isinstance(part.get(name), str)):
        return True
    if any(part.get(name) is False for name in GOOD_NAMES) or any(part.get(name) is True for name in BAD_NAMES):
        return True
    if any(_reports(part.get(name)) for name in ERROR_NAMES) or _only_says(part):
        return True
    choices = _objects(part.get("choices"))
    inner = [part.get("response"), part.get("delta"), *choices, *(choice.get("delta") for choice in choices)]
    return any(isinstance(each, dict) and _part_fails(each) for each in [part, *inner])


def _reports(error: Any) -> bool:
    """Whether a member for errors holds one."""
    return bool(error) and str(error).lower() not in NO_ERRORS


def _only_says(part: dict[str, Any]) -> bool:
    """Whether it has a message and nothing that answers have."""
    says = any(isinstance(part.get(name), str | list) and _reports(part[name]) for name in SAID_NAMES)
    answers = any(isinstance(value, dict | list) for name, value in part.items() if name not in SAID_NAMES)
    return says and not answers and part.get("code") not in (0, 200) and not any(part.get(name) for name in _TEXTS)


def _part_fails(part: dict[str, Any]) -> bool:
    reasons = (str(part.get(name)).lower() for name in _FINISHES)
    return bool(part.get("error")) or names_failure("status", str(part.get("status")).lower()) or "error" in reasons


def _reason(part: dict[str, Any]) -> str:
    """The sentence in an error object, with its code."""
    response = part.get("response")
    places: list[Any] = [part.get("error"), part.get("errors"), part.get("base_resp")]
    choices = _objects(part.get("choices"))
    for inner in (response, part.get("delta"), *choices, *(choice.get("delta") for choice in choices)):
        places.append(inner.get("error") if isinstance(inner, dict) else None)
    places += [part.get(name) for name in _REASONS]
    for place in [*places, part]:
        error = place[0] if isinstance(place, list) and place else place
        if isinstance(error, str) and error:
            return error
        if isinstance(error, dict):
            text = next((error[key] for key in _SENTENCES if error.get(key)), None)
            code = next((error[key] for key in ("code", "type", "status") if error.get(key)), None)
            if isinstance(text, list) and text and isinstance(text[0], dict):  # FastAPI
                text = text[0].get("msg")
            if text is not None:
                return f"{text} ({code})" if code not in (None, "error") else str(text)
            if code is not None and error is not part:
                return str(code)
    return "It gave no reason"


def _shorten(text: str) -> str:
    text = " ".join(text.split()).rstrip(".") or "It gave no reason"
    return text if len(text) <= _LONGEST_FAILURE else text[:_LONGEST_FAILURE] + "…"


def words_of(event: Event) -> str:
    """The text that an event adds to the answer, including reasoning; empty if it has none."""
    if event.data.strip() == "[DONE]":
        return ""
    try:
        content = json.loads(event.data)
    except ValueError:
        return event.data + "\n"
    return "".join(_words(part) for part in (content if isinstance(content, list) else [content]))


def _words(part: Any) -> str:
    if not isinstance(part, dict):
        return ""
    choices = _objects(part.get("choices"))
    if choices:
        first = choices[0]
        return _message_words(first.get("delta") or first.get("message")) or _text(first.get("text"))
    kind, delta = part.get("type"), part.get("delta")
    if isinstance(delta, str):
        return "" if isinstance(kind, str) and "audio" in kind and "transcript" not in kind else delta
    if isinstance(delta, dict):
        return _message_words(delta) or _text(delta.get("text")) or _message_words(delta.get("message"))
    if isinstance(kind, str) and "." in kind:  # events that repeat the deltas
        return ""
    message = _message_words(part.get("message"))
    return message or next((_text(part.get(name)) for name in _TEXTS if part.get(name)), "")


def _message_words(message: Any) -> str:
    if not isinstance(message, dict):
        return ""
    reasoning = next((_text(message.get(name)) for name in sorted(REASONING_NAMES) if _text(message.get(name))), "")
    return reasoning + (_text(message.get("content")) or _text(message.get("refusal")))


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return _text(value.get("text"))
    return "".join(map(_text, value)) if isinstance(value, list) else ""


def _objects(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
