// The unmodified `openai` package from npm against Tidegate's demo: only the base URL differs from real use.
// Usage: node node_client.mjs http://127.0.0.1:PORT/v1
import assert from "node:assert/strict";
import OpenAI, { AzureOpenAI, toFile } from "openai";

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
    await client.responses.create({ model: "gpt-4o", input: "Say hi", stream: true }),
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

await check("sound, pictures and verdicts come, as forms and as JSON", async () => {
  const model = "gpt-4o";
  const speech = await client.audio.speech.create({ model, voice: "alloy", input: "The tide turns" });
  assert.ok((await speech.arrayBuffer()).byteLength > 0);
  // This client puts the file before the model.
  const file = await toFile(Buffer.alloc(3_000_000), "tide.wav");
  assert.match((await client.audio.transcriptions.create({ file, model })).text, /tide/);
  const image = await toFile(Buffer.alloc(100), "dot.png", { type: "image/png" });
  assert.ok((await client.images.edit({ image, prompt: "More", model })).data[0].b64_json);
  const pictures = await collect(await client.images.generate({ model, prompt: "A tide", stream: true }));
  assert.equal(pictures.at(-1).type, "image_generation.completed");
  assert.equal((await client.moderations.create({ model, input: "a" })).results[0].flagged, false);
});

await check("what is stored is found again", async () => {
  const file = await client.files.create({ file: await toFile(Buffer.from("rows"), "rows"), purpose: "batch" });
  const names = (await collect(client.files.list())).map((one) => one.id);
  assert.ok(names.includes(file.id));
  assert.equal(await (await client.files.content(file.id)).text(), "rows");
  const batch = await client.batches.create({
    input_file_id: file.id,
    endpoint: "/v1/responses",
    completion_window: "24h",
  });
  assert.equal((await client.batches.cancel(batch.id)).status, "cancelled");
  const response = await client.responses.create({ model: "gpt-4o", input: "Say hi" });
  assert.equal((await client.responses.retrieve(response.id)).id, response.id);
  assert.ok((await client.files.delete(file.id)).deleted);
});

await check("an unknown model is refused by name", async () => {
  await assert.rejects(
    client.chat.completions.create({ model: "no-such-model", messages }),
    (error) => error.status === 404 && error.code === "model_not_found",
  );
});

console.log(`${done} passed, 0 failed`);
