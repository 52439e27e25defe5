"""What a user of `litellm` as a client writes. Reads the task from its first argument, prints the outcomes as JSON."""

import json
import os
import sys

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # else it asks the network for a price list

import litellm
from report import outcomes

TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def operations(task):
    litellm.suppress_debug_info = True
    common = {"api_base": task["base"], "api_key": task["key"], "num_retries": 0, "max_retries": 0}

    def ask(words="four words are here", model=task["chat"], **more):
        messages = more.pop("messages", [{"role": "user", "content": words}])
        return litellm.completion(model=f"openai/{model}", messages=messages, **{**common, **more})

    def claude(words="four words are here", **more):
        messages = [{"role": "user", "content": words}]
        settings = {**common, "api_base": task["root"], **more}
        return litellm.completion(model=f"anthropic/{task['claude']}", messages=messages, max_tokens=50, **settings)

    def result(said):
        return [said.choices[0].message.content, said.usage.prompt_tokens, said.usage.completion_tokens]

    def joined(pieces):
        return "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)

    def tools():
        called = ask(tools=[TOOL], tool_choice="required").choices[0].message
        call = called.tool_calls[0]
        turns = [{"role": "user", "content": "how is it"}, called.model_dump(exclude_none=True)]
        turns.append({"role": "tool", "tool_call_id": call.id, "content": "it is sunny"})
        said = ask(messages=turns, tools=[TOOL]).choices[0].message.content
        return [call.function.name, json.loads(call.function.arguments), said]

    def stream_tools():
        pieces = list(ask(tools=[TOOL], stream=True))
        call = litellm.stream_chunk_builder(pieces).choices[0].message.tool_calls[0]
        return [call.function.name, json.loads(call.function.arguments)]

    def embeddings():
        found = litellm.embedding(model=f"openai/{task['embedder']}", input=["two words", "and three words"], **common)
        return [row["embedding"] for row in found.data]

    def models():
        found = litellm.get_valid_models(
            check_provider_endpoint=True, custom_llm_provider="openai", api_key=task["key"], api_base=task["root"]
        )
        return [name.removeprefix("openai/") for name in found]

    return {
        "models": models,
        "chat": lambda: result(ask()),
        "stream": lambda: joined(ask(stream=True)),
        "tools": tools,
        "stream_tools": stream_tools,
        "embeddings": embeddings,
        "anthropic_chat": lambda: result(claude()),
        "anthropic_stream": lambda: joined(claude(stream=True)),
        "error_401": lambda: ask(api_key=task["wrong_key"]),
        "error_404": lambda: ask(model=task["nothing"]),
        "error_429": lambda: ask(model=task["capped"]),
        "error_500": lambda: ask("fail with 500"),
        "error_504": lambda: ask("wait", model=task["slow"]),
        "timeout": lambda: ask("wait", timeout=0.5),
    }


print(json.dumps(outcomes(operations, json.loads(sys.argv[1]))))
