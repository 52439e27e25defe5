// What a user of Vercel's `ai` with `@ai-sdk/openai-compatible` writes. It has no list of models.
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, streamText, tool } from "ai";
import { z } from "zod";

import { report, task } from "./report.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false;

const provider = (changes) =>
  createOpenAICompatible({ name: "mercato", baseURL: task.base, apiKey: task.key, includeUsage: true, ...changes });

const ask = (prompt, changes = {}, from = provider()) =>
  generateText({ model: from(task.chat), prompt, maxRetries: 0, ...changes });

const weather = tool({ description: "The weather of a city", inputSchema: z.looseObject({ city: z.string().optional() }) });
const answering = tool({ ...weather, execute: async () => "it is sunny" });

await report({
  chat: async () => {
    const said = await ask("four words are here");
    return [said.text, said.usage.inputTokens, said.usage.outputTokens, said.finishReason];
  },
  stream: async () => {
    const said = streamText({ model: provider()(task.chat), prompt: "four words are here", maxRetries: 0 });
    let text = "";
    for await (const piece of said.textStream) text += piece;
    return [text, (await said.usage).outputTokens];
  },
  tools: async () => {
    const said = await ask("how is it", { tools: { weather }, toolChoice: "required" });
    return [said.toolCalls[0].toolName, said.toolCalls[0].input];
  },
  tool_loop: async () => {
    const stopWhen = ({ steps }) => steps.length === 2;
    const said = await ask("how is it", { tools: { weather: answering }, stopWhen });
    return [said.steps.length, said.text];
  },
  stream_tools: async () => {
    const said = streamText({ model: provider()(task.chat), prompt: "how is it", tools: { weather }, maxRetries: 0 });
    const [call] = await said.toolCalls;
    return [call.toolName, call.input];
  },
  embeddings: async () => {
    const model = provider().embeddingModel(task.embedder);
    return (await embedMany({ model, values: ["two words", "and three words"], maxRetries: 0 })).embeddings;
  },
  error_401: () => ask("hello", {}, provider({ apiKey: task.wrong_key })),
  error_404: () => ask("hello", { model: provider()(task.nothing) }),
  error_429: () => ask("hello", { model: provider()(task.capped) }),
  error_500: () => ask("fail with 500"),
  error_504: () => ask("wait", { model: provider()(task.slow) }),
  timeout: () => ask("wait", { abortSignal: AbortSignal.timeout(500) }),
});
