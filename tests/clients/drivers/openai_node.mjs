// What a user of the Node SDK `openai` writes.
import OpenAI from "openai";

import { report, task } from "./report.mjs";

const client = (changes) => new OpenAI({ baseURL: task.base, apiKey: task.key, maxRetries: 0, ...changes });

const user = (content) => [{ role: "user", content }];

const ask = (words, changes = {}, sdk = client()) =>
  sdk.chat.completions.create({ model: task.chat, messages: user(words), ...changes });

const weather = {
  type: "function",
  function: {
    name: "weather",
    description: "The weather of a city",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

await report({
  models: async () => {
    const found = [];
    for await (const model of client().models.list()) found.push(model.id);
    return found;
  },
  chat: async () => {
    const said = await ask("four words are here");
    return [said.choices[0].message.content, said.usage.prompt_tokens, said.usage.completion_tokens];
  },
  stream: async () => {
    const pieces = await ask("four words are here", { stream: true, stream_options: { include_usage: true } });
    let [text, usage] = ["", null];
    for await (const piece of pieces) {
      text += piece.choices[0]?.delta?.content ?? "";
      usage = piece.usage ?? usage;
    }
    return [text, usage.completion_tokens];
  },
  stream_without_usage: async () => {
    const seen = [];
    for await (const piece of await ask("four words are here", { stream: true })) {
      seen.push([piece.choices.length, piece.usage ?? null]);
    }
    return seen;
  },
  tools: async () => {
    const called = (await ask("how is it", { tools: [weather], tool_choice: "required" })).choices[0].message;
    const [call] = called.tool_calls;
    const turns = [...user("how is it"), called, { role: "tool", tool_call_id: call.id, content: "it is sunny" }];
    const said = await ask("", { messages: turns, tools: [weather] });
    return [call.function.name, JSON.parse(call.function.arguments), said.choices[0].message.content];
  },
  stream_tools: async () => {
    const stream = client().chat.completions.stream({ model: task.chat, messages: user("how is it"), tools: [weather] });
    const [call] = (await stream.finalChatCompletion()).choices[0].message.tool_calls;
    return [call.function.name, JSON.parse(call.function.arguments)];
  },
  embeddings: async () => {
    const input = ["two words", "and three words"];
    const found = await client().embeddings.create({ model: task.embedder, input, encoding_format: "float" });
    return found.data.map((row) => row.embedding);
  },
  error_401: () => ask("hello", {}, client({ apiKey: task.wrong_key })),
  error_404: () => ask("hello", { model: task.nothing }),
  error_429: () => ask("hello", { model: task.capped }),
  error_500: () => ask("fail with 500"),
  error_504: () => ask("wait", { model: task.slow }),
  timeout: () => ask("wait", {}, client({ timeout: 500 })),
});
