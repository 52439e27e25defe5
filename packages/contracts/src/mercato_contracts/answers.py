"""Names that model providers use in chat answers; the gateway that counts and the checks of a release share them."""

REASONING_NAMES = frozenset(
    {
        "reasoning", "reasoning_content", "reasoning_text", "reasoning_details", "reasoningContent", "thinking",
        "thinking_content", "thinking_blocks", "thought", "thoughts",
    }
)  # fmt: skip
"""Members of a message or delta that hold reasoning. Providers often send the same text under two of them."""

ANSWER_NAMES = REASONING_NAMES | {"content", "tool_calls", "function_call", "refusal", "audio", "images"}
"""Members of an assistant's message, any of which makes it an answer."""
