// The unmodified `openai` package from npm against Tidegate's demo: only the base URL differs from real use.
// Usage: node node_client.mjs http://127.0.0.1:PORT/v1
import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI } from "openai";

const baseURL = process.argv[2];
const client = new OpenAI({ baseURL, apiKey: "local", maxRetries: 0 });
const azure = new AzureOpenAI({
  endpoint: baseURL.replace(/\/v1$/, ""),
  apiKey: "local",
  apiVersion: "2024-10-21",
  maxRetries: 0,
});
const messages = [{ role: "user", content: "Say hi in a few words" }];
let done = 0;

async function check(name, body) {
  await body();
  done += 1;
  console.log("ok", name);
}

async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

await check("models lists the routes", async () => {
  const names = (await collect(client.models.list())).map((model) => model.id);
  assert.ok(names.includes("demo-chat") && names.includes("gpt-4o"));
});

await check("chat answers and says where it went", async () => {
  const { data, response } = await client.chat.completions
    .create({ model: "demo-chat", messages, max_tokens: 60 })
    .withResponse();
  assert.ok(data.choices[0].message.content.length > 0);
  for (const name of ["endpoint", "group", "attempts", "decision"]) {
    assert.ok(response.headers.get(`x-tidegate-${name}`), name);
  }
});

await check("chat streams", async () => {
  const chunks = await collect(
    await client.chat.completions.create({ model: "gpt-4o", messages, max_tokens: 60, stream: true }),
  );
  assert.ok(chunks.some((chunk) => chunk.choices[0]?.delta?.content));
});

await check("tools are called", async () => {
  const parameters = { type: "object", properties: { place: { type: "string" } }, required: ["place"] };
  const tools = [{ type: "function", function: { name: "tide_at", parameters } }];
  const answer = await client.chat.completions.create({
    model: "demo-chat", messages, tools, tool_choice: "required", max_tokens: 80,
  });
  assert.equal(answer.choices[0].message.tool_calls[0].function.name, "tide_at");
  JSON.parse(answer.choices[0].message.tool_calls[0].function.arguments);
});

await check("64 inputs give 64 embeddings", async () => {
  const input = Array.from({ length: 64 }, (_, n) => `text ${n}`);
  const answer = await client.embeddings.create({ model: "text-embedding-3-small", input });
  assert.equal(answer.data.length, 64);
  assert.equal(typeof answer.data[0].embedding[0], "number");
});

await check("responses answers", async () => {
  const answer = await client.responses.create({ model: "gpt-4o", input: "Say hi", max_output_tokens: 60 });
  assert.ok(answer.output_text.length > 0);
});

await check("responses streams to its end", async () => {
  const events = await collect(
    await client.responses.create({ model: "gpt-4o", input: "Say hi", max_output_tokens: 60, stream: true }),
  );
  assert.equal(events.at(0).type, "response.created");
  assert.equal(events.at(-1).type, "response.completed");
});

await check("an Azure client's classic path answers, streamed and not", async () => {
  const answer = await azure.chat.completions.create({ model: "gpt-4o", messages, max_tokens: 60 });
  assert.ok(answer.choices[0].message.content.length > 0);
  const chunks = await collect(
    await azure.chat.completions.create({ model: "gpt-4o", messages, max_tokens: 60, stream: true }),
  );
  assert.ok(chunks.some((chunk) => chunk.choices[0]?.delta?.content));
});

await check("an unknown model is refused by name", async () => {
  await assert.rejects(
    client.chat.completions.create({ model: "no-such-model", messages }),
    (error) => error.status === 404 && error.code === "model_not_found",
  );
});

console.log(`${done} passed, 0 failed`);
