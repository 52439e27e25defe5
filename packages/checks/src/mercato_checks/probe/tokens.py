"""Test calls for the protocols that count tokens: OpenAI's and Anthropic's."""

import math
from typing import Any

from mercato_checks.endpoint import Call
from mercato_checks.findings import shorten
from mercato_checks.probe.exchange import Visit, items, mapping, where
from mercato_contracts.answers import ANSWER_NAMES
from mercato_contracts.manifest import ServiceManifest

_TEXTS = ["Mercato checks this endpoint.", "A second sentence of another length."]
_MESSAGES = [{"role": "user", "content": "Answer with one word: ready?"}]
_MOST_TOKENS = 8


async def probe_openai(visit: Visit, manifest: ServiceManifest) -> None:
    """List the models, then one small call of the manifest's task."""
    model = await _find_model(visit, manifest)
    visit.facts["model"] = shorten(model, 200)
    if manifest.task == "embeddings":
        await _embeddings(visit, model)
    elif manifest.task == "chat":
        await _chat(visit, model)
    elif manifest.task == "completion":
        await _completion(visit, model)
    else:
        visit.say("probe_task_untested", "task", f"No test call is known for the task {manifest.task}.")


async def probe_anthropic(visit: Visit, manifest: ServiceManifest) -> None:
    """One small message."""
    body = {"model": _model(manifest), "max_tokens": _MOST_TOKENS, "messages": _MESSAGES}
    call = Call("POST", "/messages", body, (("anthropic-version", "2023-06-01"),))
    answer = await visit.call_json(call)
    if answer is None:
        return
    visit.sample = call
    message = mapping(answer)
    texts = [part for part in items(message.get("content")) if isinstance(mapping(part).get("type"), str)]
    _expect(visit, call, message.get("type") == "message", "`type` must be `message`")
    _expect(visit, call, message.get("role") == "assistant", "`role` must be `assistant`")
    # A model that thinks may use up the few tokens of this call before any part.
    ran_out = message.get("content") == [] and message.get("stop_reason") == "max_tokens"
    _expect(visit, call, bool(texts) or ran_out, "`content` must hold parts with a `type`")
    _usage(visit, call, message, ("input_tokens", "output_tokens"))


def _model(manifest: ServiceManifest) -> str:
    return manifest.endpoint.model or manifest.name


async def _find_model(visit: Visit, manifest: ServiceManifest) -> str:
    """The manifest's model, else the first that the server lists, else the service's own name."""
    listed = await visit.call_json(Call("GET", "/models"), optional=True)
    names = [mapping(entry).get("id") for entry in items(mapping(listed).get("data"))]
    known = [name for name in names if isinstance(name, str)]
    wanted = manifest.endpoint.model
    if wanted is not None and known and wanted not in known:
        visit.say("probe_model_unlisted", "endpoint.model", f"`{shorten(wanted)}` is not among the server's models.")
    return wanted or (known[0] if known else manifest.name)


async def _embeddings(visit: Visit, model: str) -> None:
    call = Call("POST", "/embeddings", {"model": model, "input": _TEXTS, "encoding_format": "float"})
    answer = await visit.call_json(call)
    if answer is None:
        return
    visit.sample = call
    data = items(mapping(answer).get("data"))
    vectors = [items(mapping(entry).get("embedding")) for entry in data]
    _expect(visit, call, len(data) == len(_TEXTS), f"`data` must hold {len(_TEXTS)} vectors, one for each text")
    _expect(visit, call, all(map(_is_vector, vectors)), "each `embedding` must be a list of finite numbers")
    _expect(visit, call, len(set(map(len, vectors))) <= 1, "all vectors must have one length")
    indexes = [mapping(entry).get("index") for entry in data]
    _expect(visit, call, indexes == list(range(len(data))), "`index` must count the texts from 0")
    visit.facts["dimensions"] = len(vectors[0]) if vectors else 0
    _usage(visit, call, mapping(answer), ("prompt_tokens",))


async def _chat(visit: Visit, model: str) -> None:
    call = Call("POST", "/chat/completions", {"model": model, "messages": _MESSAGES, "max_tokens": _MOST_TOKENS})
    given = await visit.call(call)
    if given is not None and given.status == 400:
        # Some models, such as OpenAI's with reasoning, take the bound under its newer name only.
        newer = {"model": model, "messages": _MESSAGES, "max_completion_tokens": _MOST_TOKENS}
        call = Call("POST", "/chat/completions", newer)
        given = await visit.call(call)
    answer = None if given is None else visit.read_json(call, given)
    if answer is None:
        return
    visit.sample = call
    choices = items(mapping(answer).get("choices"))
    message = mapping(mapping(choices[0]).get("message")) if choices else {}
    _expect(visit, call, bool(choices), "`choices` must hold an answer")
    _expect(visit, call, message.get("role") == "assistant", "`choices[0].message.role` must be `assistant`")
    # A model with hidden reasoning may use up the few tokens of this call before any text.
    ran_out = bool(choices) and mapping(choices[0]).get("finish_reason") == "length"
    answers = ran_out or any(message.get(name) is not None for name in ANSWER_NAMES)
    _expect(visit, call, answers, "`choices[0].message` must hold `content`, `reasoning` or `tool_calls`")
    _usage(visit, call, mapping(answer), ("prompt_tokens", "completion_tokens"))


async def _completion(visit: Visit, model: str) -> None:
    call = Call("POST", "/completions", {"model": model, "prompt": _TEXTS[0], "max_tokens": _MOST_TOKENS})
    answer = await visit.call_json(call)
    if answer is None:
        return
    visit.sample = call
    choices = items(mapping(answer).get("choices"))
    text = mapping(choices[0]).get("text") if choices else None
    _expect(visit, call, isinstance(text, str), "`choices[0].text` must be text")
    _usage(visit, call, mapping(answer), ("prompt_tokens", "completion_tokens"))


def _is_vector(vector: list[Any]) -> bool:
    return bool(vector) and all(
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) for value in vector
    )


def _expect(visit: Visit, call: Call, holds: bool, rule: str) -> None:
    if not holds:
        visit.say("probe_contract", where(call), f"{where(call)}: {rule}.")


def _usage(visit: Visit, call: Call, answer: dict[str, Any], counters: tuple[str, ...]) -> None:
    usage = mapping(answer.get("usage"))
    for counter in counters:
        count = usage.get(counter)
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            visit.say("probe_usage_missing", where(call), f"{where(call)}: `usage.{counter}` must be a whole number.")
            return
    visit.facts["counts_tokens"] = True
