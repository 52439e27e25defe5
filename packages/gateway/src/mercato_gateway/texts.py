"""What is text in requests and answers, and what is a file within them.

A file counts `FILE_BYTES`, however long it is. Files are recognised by the names that providers give them, by a
`base64,` before them, and, under any name that is not one of a text, by their bytes.
"""

import re
from typing import Any, Final

from mercato_contracts.answers import REASONING_NAMES

FILE_BYTES: Final = 4000
"""As much as 1,000 tokens of text."""

MARKER: Final = b";base64,"

FILE_NAMES = frozenset(
    {
        "data", "b64_json", "b64", "base64", "bytes", "file_data", "fileData", "file", "image", "images", "audio",
        "video", "result", "image_base64", "partial_image_b64",
    }
)  # fmt: skip
"""Members that hold a file where their bytes are base64."""

TEXT_NAMES = REASONING_NAMES | {
    "content", "text", "delta", "partial_json", "arguments", "refusal", "transcript", "summary", "output",
    "output_text", "outputText", "response", "completion", "generation", "generations", "generated_text", "input",
    "prompt", "system", "instructions", "name", "code", "query", "title", "description", "parts", "message",
    "candidates", "token", "value", "revised_prompt",
}  # fmt: skip
"""Members whose strings are text whatever they look like."""

NO_TEXT_NAMES = frozenset(
    {
        "id", "type", "role", "object", "index", "model", "created", "status", "finish_reason", "finishReason",
        "native_finish_reason", "stop_reason", "stop_sequence", "stop", "signature", "thought_signature",
        "thoughtSignature", "encrypted_content", "encryptedContent", "logprobs", "annotations", "citation", "citations",
        "citationMetadata", "groundingMetadata", "safetyRatings", "file_id", "call_id", "tool_call_id", "item_id",
        "mime_type", "mimeType", "media_type", "format", "detail", "cache_control", "provider",
        "provider_specific_fields", "obfuscation", "system_fingerprint",
    }
)  # fmt: skip
"""Members of answers that are not generated text."""

_UNUSUAL_NAMES = ("usage", "error", "metadata")
_FORMAT_NAMES = ("format", "media_type", "mime_type", "mimeType", "mediaType")
_UNREAD_INPUTS = ("type", "role", "id")
_BASE64 = re.compile(r"[A-Za-z0-9+/=_\-\r\n]*")
# A data URL. For the file of a form only the scheme is written (see `forms`).
_URL = re.compile(r"\s{0,8}data:(?:(?:[\w.+\-]{1,80}/[\w.+\-]{1,80})?(?:;[^\s,;]{1,80}){0,5},|\Z)", re.IGNORECASE)
# As MIME writes it base64 has lines of 64 or 76 characters; words of a text are shorter.
_AFTER_MARKER = re.compile(r";base64,([A-Za-z0-9+/=_\-]*(?:\r?\n[A-Za-z0-9+/=_\-]{60,})*)")


def is_audio(event_type: str) -> bool:
    """Whether events of this type add sound, in base64."""
    return "audio" in event_type and "transcript" not in event_type


def generated_bytes(value: Any, name: str) -> int:
    """Bytes of generated text in a decoded part of an answer; -1 where the scanner must read it, as where it holds a
    file or usage.
    """
    if value is None:
        return 0
    if isinstance(value, str):
        if name in TEXT_NAMES:
            return -1 if ";base64," in value else len(value.encode("utf-8", "replace"))
        return -1 if len(value) > 64 or name in FILE_NAMES else len(value.encode("utf-8", "replace"))
    count = 0
    if isinstance(value, dict):
        for member, part in value.items():
            if member in NO_TEXT_NAMES:
                continue
            size = -1 if member == "usage" and part is not None else generated_bytes(part, member)
            if size < 0:
                return -1
            count += size
    elif isinstance(value, list):
        for part in value:
            size = generated_bytes(part, name)
            if size < 0:
                return -1
            count += size
    return count


def message_bytes(message: dict[str, Any]) -> int:
    """The same for a chat message or delta, where providers may send reasoning under two names."""
    count = reasoning = 0
    for name, value in message.items():
        if value is None or name in NO_TEXT_NAMES:
            continue
        size = -1 if name in _UNUSUAL_NAMES else generated_bytes(value, name)
        if size < 0:
            return -1
        if name in REASONING_NAMES:
            reasoning = max(reasoning, size)
        else:
            count += size
    return count + reasoning


def input_bytes(value: Any, name: str = "") -> int:
    """Bytes of text in a decoded part of a request, `FILE_BYTES` for each file within it."""
    if isinstance(value, str):
        return _string_bytes(value, name)
    if isinstance(value, dict):
        if _is_file(value):
            return FILE_BYTES
        return sum(input_bytes(part, member) for member, part in value.items() if member not in _UNREAD_INPUTS)
    if isinstance(value, list):
        if value and isinstance(value[0], int):
            return 4 * len(value)  # already tokens
        return sum(input_bytes(part, name) for part in value)
    return 0


def _is_file(part: dict[str, Any]) -> bool:
    kind = part.get("type")
    if kind in ("base64", "text"):
        return bool(kind == "base64")
    data = part.get("data")
    if not isinstance(data, str) or not any(name in part for name in _FORMAT_NAMES):
        return False
    return _BASE64.fullmatch(data) is not None or _URL.match(data) is not None


def _string_bytes(text: str, name: str) -> int:
    if _URL.match(text):
        return FILE_BYTES
    size = len(text.encode("utf-8", "replace"))
    if ";base64," in text:
        files = _AFTER_MARKER.findall(text)
        return size - sum(map(len, files)) + FILE_BYTES * len(files)
    # A short word is valid base64 too: under other names only what is longer than a file's count is taken for a file.
    if name not in TEXT_NAMES and (size > FILE_BYTES or (size > 256 and name in FILE_NAMES)):
        return FILE_BYTES if _BASE64.fullmatch(text) else size
    return size
