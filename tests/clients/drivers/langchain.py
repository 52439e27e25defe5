"""What a user of `langchain-openai` writes. Reads the task from its first argument, prints the outcomes as JSON."""

import json
import sys

from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from report import outcomes


@tool
def weather(city: str) -> str:
    """The weather of a city"""
    return f"it is sunny in {city}"


def operations(task):
    def model(name=task["chat"], **changes):
        settings = {"base_url": task["base"], "api_key": task["key"], "max_retries": 0, "stream_usage": True}
        return ChatOpenAI(model=name, **{**settings, **changes})

    def chat():
        said = model().invoke("four words are here")
        return [said.content, said.usage_metadata["input_tokens"], said.usage_metadata["output_tokens"]]

    def stream():
        whole = None
        for piece in model().stream("four words are here"):
            whole = piece if whole is None else whole + piece
        return [whole.content, whole.usage_metadata["output_tokens"]]

    def tools():
        bound = model().bind_tools([weather], tool_choice="weather", parallel_tool_calls=False)
        called = bound.invoke("how is it in Paris")
        call = called.tool_calls[0]
        turns = [HumanMessage("how is it"), called, ToolMessage("it is sunny", tool_call_id=call["id"])]
        return [call["name"], call["args"], bound.invoke(turns).content]

    def stream_tools():
        whole = None
        for piece in model().bind_tools([weather]).stream("how is it in Paris"):
            whole = piece if whole is None else whole + piece
        return [whole.tool_calls[0]["name"], whole.tool_calls[0]["args"]]

    def embeddings():
        # Without this switch it sends token numbers, which it makes with a vocabulary from the network.
        embedder = OpenAIEmbeddings(
            model=task["embedder"], base_url=task["base"], api_key=task["key"], check_embedding_ctx_length=False
        )
        return embedder.embed_documents(["two words", "and three words"])

    return {
        "models": lambda: [model.id for model in model().root_client.models.list()],
        "chat": chat,
        "stream": stream,
        "tools": tools,
        "stream_tools": stream_tools,
        "embeddings": embeddings,
        "error_401": lambda: model(api_key=task["wrong_key"]).invoke("hello"),
        "error_404": lambda: model(task["nothing"]).invoke("hello"),
        "error_429": lambda: model(task["capped"]).invoke("hello"),
        "error_500": lambda: model().invoke("fail with 500"),
        "error_504": lambda: model(task["slow"]).invoke("wait"),
        "timeout": lambda: model(timeout=0.5).invoke("wait"),
    }


print(json.dumps(outcomes(operations, json.loads(sys.argv[1]))))
