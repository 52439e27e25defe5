"""What a user of the `anthropic` SDK writes. Reads the task from its first argument, prints the outcomes as JSON."""

import json
import sys

import anthropic
from report import outcomes

TOOL = {
    "name": "weather",
    "description": "The weather of a city",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


def operations(task):
    def client(**changes):
        return anthropic.Anthropic(**{"base_url": task["root"], "api_key": task["key"], "max_retries": 0, **changes})

    def ask(words="four words are here", model=task["claude"], sdk=None, **more):
        messages = more.pop("messages", [{"role": "user", "content": words}])
        return (sdk or client()).messages.create(model=model, max_tokens=50, messages=messages, **more)

    def chat():
        said = ask()
        return [said.content[0].text, said.usage.input_tokens, said.usage.output_tokens, said.stop_reason]

    def stream(**more):
        messages = [{"role": "user", "content": "four words are here"}]
        with client().messages.stream(model=task["claude"], max_tokens=50, messages=messages, **more) as events:
            kinds = [event.type for event in events]
            said = events.get_final_message()
        block = said.content[0]
        return [kinds, block.text if block.type == "text" else block.input, said.usage.output_tokens]

    def tools():
        called = ask(tools=[TOOL], tool_choice={"type": "tool", "name": "weather"})
        block = called.content[0]
        result = {"type": "tool_result", "tool_use_id": block.id, "content": "it is sunny"}
        turns = [
            {"role": "user", "content": "how is it"},
            {"role": "assistant", "content": called.content},
            {"role": "user", "content": [result]},
        ]
        return [block.name, block.input, ask(messages=turns, tools=[TOOL]).content[0].text]

    def count_tokens():
        counted = client().messages.count_tokens(
            model=task["claude"], messages=[{"role": "user", "content": "three words here"}]
        )
        return counted.input_tokens

    return {
        "models": lambda: [model.id for model in client().models.list()],
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "stream_tools": lambda: stream(tools=[TOOL]),
        "count_tokens": count_tokens,
        "error_401": lambda: ask(sdk=client(api_key=task["wrong_key"])),
        "error_404": lambda: ask(model=task["nothing"]),
        "error_429": lambda: ask(model=task["capped_claude"]),
        "error_500": lambda: ask("fail with 500"),
        "error_504": lambda: ask("wait", model=task["slow_claude"]),
        "timeout": lambda: ask("wait", sdk=client(timeout=0.5)),
    }


print(json.dumps(outcomes(operations, json.loads(sys.argv[1]))))
