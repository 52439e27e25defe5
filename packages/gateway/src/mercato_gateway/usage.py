"""Usage: the token counts that providers state, in every spelling, and how they add up.

`_MEANINGS` is the one table of names. To support another provider, add its names there, and to `USAGE_NAMES` or
`PASSED_NAMES` where its counts lie in an object that is not listed yet; `tests/gateway/test_usage.py` has a case each.
"""

from typing import Any, Final

_MOST_TOKENS: Final = 10**12
_LONGEST_NUMBER: Final = 24

# What a count means. Input is stated either whole, or without what was read from and written to a cache.
_WHOLE: Final = 0
_UNCACHED: Final = 1
_READ: Final = 2
_WRITTEN: Final = 3
_CACHED: Final = 4  # a part of the input
_HIT: Final = 5
_MISS: Final = 6
_TOOL_INPUT: Final = 7
_OUTPUT: Final = 8
_THOUGHTS: Final = 9  # beside the output
_REASONING: Final = 10  # a part of the output, in most dialects
_TOTAL: Final = 11
_BILLED_INPUT: Final = 12
_BILLED_OUTPUT: Final = 13
_WRITTEN_PART: Final = 14  # a part of the input, unless the total shows it to be beside it

_NAMES: dict[int, str] = {
    # OpenAI, Gemini, Ollama, Bedrock's Llama, watsonx, llama.cpp, DeepInfra, Aleph Alpha, TGI, OpenRouter, YandexGPT,
    # Hunyuan
    _WHOLE: """prompt_tokens promptTokens prompt_token_count promptTokenCount prompt_eval_count input_token_count
        num_prompt_tokens num_input_tokens tokens_evaluated tokens_input tokens_prompt num_tokens_prompt_total
        input_length inputTextTokens PromptTokens""",
    # Anthropic, OpenAI's responses (whole there, as it has no counts beside it), Bedrock, Titan
    _UNCACHED: "input_tokens inputTokens inputTokenCount inputTextTokenCount InputTokens",
    _READ: """cache_read_input_tokens cacheReadInputTokens cacheReadInputTokenCount cacheReadInputTokensCount
        cache_read_tokens""",
    _WRITTEN: """cache_creation_input_tokens cacheCreationInputTokens cacheWriteInputTokens cacheWriteInputTokenCount
        cacheWriteInputTokensCount""",
    # OpenAI, Moonshot, Gemini, xAI, LangChain, Vercel, OpenRouter
    _CACHED: """cached_tokens cachedTokens cached_input_tokens cachedInputTokens cached_content_token_count
        cachedContentTokenCount cached_prompt_tokens cached_prompt_text_tokens num_cached_tokens cache_read
        cacheReadTokens native_tokens_cached""",
    # DeepSeek
    _HIT: "prompt_cache_hit_tokens",
    _MISS: "prompt_cache_miss_tokens",
    _TOOL_INPUT: "toolUsePromptTokenCount tool_use_prompt_token_count",
    _OUTPUT: """completion_tokens completionTokens output_tokens outputTokens completion_token_count
        candidatesTokenCount candidates_token_count responseTokenCount eval_count generated_tokens
        generation_token_count generated_token_count output_token_count outputTokenCount totalOutputTextTokenCount
        tokens_predicted tokens_generated tokens_output tokens_completion num_completion_tokens num_output_tokens
        num_tokens_generated CompletionTokens OutputTokens""",
    _THOUGHTS: "thoughtsTokenCount thoughts_token_count",
    _REASONING: "reasoning_tokens reasoningTokens thinking_tokens",
    _TOTAL: "total_tokens totalTokens totalTokenCount total_token_count TotalTokens",
    _BILLED_INPUT: "native_tokens_prompt",
    _BILLED_OUTPUT: "native_tokens_completion",
    # OpenRouter, Vercel, LiteLLM
    _WRITTEN_PART: "cache_write_tokens cacheWriteTokens cache_creation_tokens",
}
_MEANINGS: dict[str, int] = {name: meaning for meaning, names in _NAMES.items() for name in names.split()}
_BILLED = {_UNCACHED: _BILLED_INPUT, _OUTPUT: _BILLED_OUTPUT}

USAGE_NAMES = frozenset(
    {
        "usage", "usageMetadata", "usage_metadata", "token_usage", "tokenUsage", "details", "meta", "metrics",
        "inference_status", "amazon-bedrock-invocationMetrics", "Usage",
    }
)  # fmt: skip
"""Objects that state counts."""

PASSED_NAMES = frozenset(
    {
        "x_groq", "metadata", "response_metadata", "responseMetadata", "provider_metadata", "providerMetadata",
        "generation_info", "generationInfo", "llm_output",
    }
)  # fmt: skip
"""Objects that may hold such an object and state nothing themselves. Never text of people or models: a member `usage`
of a tool's input is not usage.
"""

PART_NAMES = frozenset(
    {
        "prompt_tokens_details", "prompt_token_details", "input_tokens_details", "input_token_details",
        "inputTokensDetails", "inputTokenDetails", "completion_tokens_details", "completion_token_details",
        "output_tokens_details", "output_token_details", "outputTokensDetails", "outputTokenDetails", "tokens",
        "billed_units",
    }
)  # fmt: skip
"""Objects within a usage object whose counts belong to it."""

STEPS_NAME: Final = "iterations"
COMPACTION: Final = "compaction"
"""Anthropic states what each step of a call took in a list of the first name; all but the steps of this type are in
the usage object's own counts (its documentation of compaction, "Understanding usage"). What an advisor took is in
neither: another model's tokens have no price here.
"""


class Tokens:
    """Counts of one call; `cached` is a part of `into`. Never changed once made."""

    __slots__ = ("cached", "into", "out")

    def __init__(self, into: int, out: int, cached: int) -> None:
        self.into = into
        self.out = out
        self.cached = cached


NO_TOKENS = Tokens(0, 0, 0)


class Statement:
    """The counts of one usage object, by meaning; -1 where it has none."""

    __slots__ = ("absurd", "beside", "counts", "empty", "kind")

    def __init__(self) -> None:
        self.counts: list[int] = [-1] * 15
        self.empty = True
        self.absurd = False
        self.kind = ""
        self.beside: list[Statement] = []  # of steps that the counts leave out

    def take_step(self, step: "Statement") -> None:
        """Takes what one step of the call stated."""
        if step.kind == COMPACTION:
            self.beside.append(step)
            self.absurd = self.absurd or step.absurd

    def take(self, name: str, value: Any, *, billed: bool = False) -> None:
        """Takes a member of the object. Of two names with one meaning, the larger count is kept."""
        meaning = _MEANINGS.get(name)
        if meaning is None or value is None:
            return
        if billed:
            meaning = _BILLED.get(meaning, meaning)
        count = count_of(value)
        if count < 0:
            # Both only add to what the other counts say.
            self.absurd = self.absurd or meaning not in (_TOTAL, _REASONING)
            return
        self.empty = False
        if count > self.counts[meaning]:
            self.counts[meaning] = count

    def read(self, usage: dict[str, Any], *, billed: bool = False) -> None:
        """Takes all members of a decoded usage object."""
        for name, value in usage.items():
            if isinstance(value, dict) and (name in PART_NAMES or name in USAGE_NAMES):
                self.read(value, billed=name == "billed_units")
            elif name == STEPS_NAME and isinstance(value, list):
                self._read_steps(value)
            else:
                self.take(name, value, billed=billed)

    def _read_steps(self, steps: list[Any]) -> None:
        for members in steps:
            if isinstance(members, dict):
                step = Statement()
                step.read(members)
                kind = members.get("type")
                step.kind = kind if isinstance(kind, str) else ""
                self.take_step(step)


def is_count(name: str) -> bool:
    """Whether a member of this name states a count."""
    return name in _MEANINGS


def count_of(value: Any) -> int:
    """A number of tokens, also where it is written as a whole float or as digits; -1 for anything else."""
    if isinstance(value, str):
        if not (value.isascii() and value.isdigit() and len(value) < 16):
            return -1
        value = int(value)
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MOST_TOKENS:
        return -1
    return value


def number_of(text: bytes) -> Any:
    """The number that JSON writes in this way; anything else, or what is longer than any count, as `text`."""
    try:
        if len(text) > _LONGEST_NUMBER:
            return text
        return int(text) if text.isdigit() else float(text)
    except ValueError:
        return text


class Usage:
    """What an answer or a stream has stated so far.

    Usage in streams is cumulative in every dialect, and each event may leave some of it out: of each count the largest
    is kept. A usage object with an impossible count is ignored.
    """

    __slots__ = (
        "_cached", "_cached_beside", "_into", "_into_beside", "_out", "_out_beside", "names_input", "names_output",
        "outputs",
    )  # fmt: skip

    def __init__(self) -> None:
        self._into = self._out = self._cached = -1
        self._into_beside = self._out_beside = self._cached_beside = 0
        self.outputs = 0  # how many usage objects stated an output
        self.names_input = self.names_output = False  # by a name of its own, not only as a part of the total

    @property
    def states_input(self) -> bool:
        return self._into >= 0

    @property
    def states_output(self) -> bool:
        return self._out >= 0

    @property
    def tokens(self) -> Tokens | None:
        """`None` where nothing was stated."""
        if self._into < 0 and self._out < 0:
            return None
        into = max(self._into, 0) + self._into_beside
        cached = max(self._cached, 0) + self._cached_beside
        return Tokens(into, max(self._out, 0) + self._out_beside, min(cached, into))

    def read(self, usage: dict[str, Any]) -> bool:
        """Adds a decoded usage object; false where it states no known count."""
        statement = Statement()
        statement.read(usage)
        self.add(statement)
        return not statement.empty

    def add(self, statement: Statement) -> None:
        """Adds the counts of one usage object."""
        if statement.absurd or statement.empty:
            return
        counts = statement.counts
        into, out, total = _input_of(counts), counts[_OUTPUT], counts[_TOTAL]
        thoughts = max(counts[_THOUGHTS], 0)
        self.names_input = self.names_input or into >= 0
        if into >= 0 and total >= into + max(out, 0):
            out = total - into  # some providers state reasoning in the total only
        elif thoughts:
            out = max(out, 0) + thoughts
        if into < 0 and total >= 0:
            into = max(total - max(out, 0), 0)
        if out >= 0 and counts[_REASONING] > out:
            out += counts[_REASONING]  # a part cannot exceed the whole: it is in addition to it
        if counts[_BILLED_INPUT] >= 0:
            into = counts[_BILLED_INPUT]
        if counts[_BILLED_OUTPUT] >= 0:
            out = counts[_BILLED_OUTPUT]
        self._into, self._out = max(self._into, into), max(self._out, out)
        self.outputs += out >= 0
        self.names_output = self.names_output or max(counts[_OUTPUT], counts[_THOUGHTS], counts[_BILLED_OUTPUT]) >= 0
        self._cached = max(self._cached, counts[_CACHED], counts[_READ], counts[_HIT])
        if statement.beside:
            self._add_steps(statement.beside)

    def _add_steps(self, steps: list[Statement]) -> None:
        into = out = cached = 0
        for step in steps:
            beside = Usage()
            beside.add(step)
            tokens = beside.tokens
            if tokens is not None:
                into, out, cached = into + tokens.into, out + tokens.out, cached + tokens.cached
        self._take_beside(into, out, cached)

    def _take_beside(self, into: int, out: int, cached: int) -> None:
        self._into_beside = max(self._into_beside, into)
        self._out_beside = max(self._out_beside, out)
        self._cached_beside = max(self._cached_beside, cached)

    def join(self, other: "Usage") -> None:
        """Adds the result of another reading of the same answer."""
        self._into, self._out = max(self._into, other._into), max(self._out, other._out)
        self._cached = max(self._cached, other._cached)
        self._take_beside(other._into_beside, other._out_beside, other._cached_beside)
        self.outputs += other.outputs
        self.names_input = self.names_input or other.names_input
        self.names_output = self.names_output or other.names_output


def _input_of(counts: list[int]) -> int:
    whole, out, total = counts[_WHOLE], max(counts[_OUTPUT], 0), counts[_TOTAL]
    beside = max(counts[_READ], 0) + max(counts[_WRITTEN], 0)
    into = whole
    if whole > 0:
        if beside and total >= whole + out + beside:
            into += beside  # which the total shows not to be a part of the input
    elif max(counts[_UNCACHED], counts[_READ], counts[_WRITTEN]) >= 0:
        into = uncached = max(counts[_UNCACHED], 0)
        if not (uncached >= beside and total == uncached + out):
            into += beside  # unless the total shows it to be a part
    if into < 0 and (counts[_HIT] >= 0 or counts[_MISS] >= 0):
        into = max(counts[_HIT], 0) + max(counts[_MISS], 0)
    rest = total - into - out
    if rest > 0 and into >= 0 and _is_cache(counts, rest):
        into += rest  # which the total shows not to be a part of the input
    if counts[_TOOL_INPUT] > 0:
        into = max(into, 0) + counts[_TOOL_INPUT]
    return into


def _is_cache(counts: list[int], rest: int) -> bool:
    """Whether what the total has beyond input and output is what was read from and written to a cache."""
    if rest in (counts[_REASONING], counts[_THOUGHTS]):
        return False
    cached = max(counts[_CACHED], counts[_HIT], 0)
    return rest in (cached, cached + max(counts[_WRITTEN_PART], 0))
