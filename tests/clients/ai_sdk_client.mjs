// The Vercel AI SDK against Tidegate's demo: only the base URL differs from real use.
// Usage: node ai_sdk_client.mjs http://127.0.0.1:PORT/v1
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { embedMany, generateText, jsonSchema, streamText, tool } from "ai";

const baseURL = process.argv[2];
const openai = createOpenAI({ baseURL, apiKey: "local" });
const compatible = createOpenAICompatible({ name: "tidegate", baseURL, apiKey: "local", includeUsage: true });
const prompt = "Say hi in a few words";
let done = 0;

async function check(name, body) {
  await body();
  done += 1;
  console.log("ok", name);
}

const tide = tool({
  description: "The tide at a place",
  inputSchema: jsonSchema({
    type: "object",
    properties: { place: { type: "string" } },
    required: ["place"],
    additionalProperties: false,
  }),
});

const ways = [
  ["chat", openai.chat("gpt-4o")],
  ["responses", openai.responses("gpt-4o")],
  ["compatible", compatible.chatModel("gpt-4o")],
];
for (const [way, model] of ways) {
  // With its own retries off and on.
  for (const maxRetries of [0, 2]) {
    await check(`${way} answers with ${maxRetries} retries`, async () => {
      const { text, usage } = await generateText({ model, prompt, maxRetries, maxOutputTokens: 60 });
      assert.ok(text.length > 0 && usage.totalTokens > 0);
    });
  }
  await check(`${way} streams and tells usage`, async () => {
    const result = streamText({ model, prompt, maxRetries: 0, maxOutputTokens: 60 });
    const pieces = [];
    for await (const piece of result.textStream) pieces.push(piece);
    assert.ok(pieces.length > 1);
    assert.ok((await result.usage).outputTokens > 0);
  });
  await check(`${way} calls a tool`, async () => {
    const { toolCalls } = await generateText({
      model,
      prompt: "When is the tide at Brest?",
      maxRetries: 0,
      tools: { tide_at: tide },
      toolChoice: { type: "tool", toolName: "tide_at" },
    });
    assert.equal(toolCalls[0]?.toolName, "tide_at");
  });
}

await check("embeddings", async () => {
  const model = openai.textEmbeddingModel?.("text-embedding-3-small") ?? openai.embedding("text-embedding-3-small");
  const { embeddings } = await embedMany({ model, values: ["ebb", "flood"], maxRetries: 0 });
  assert.equal(embeddings.length, 2);
  assert.ok(embeddings[0].length > 1);
});
console.log(`${done} passed, 0 failed`);
