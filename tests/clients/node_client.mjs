// The unmodified `openai` package from npm against Tidegate's demo: only the base URL differs from real use.
// Usage: node node_client.mjs http://127.0.0.1:PORT/v1 FOLDER_WITH_A_CERTIFICATE_FOR_LOCALHOST
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createServer } from "node:tls";
import OpenAI, { AzureOpenAI, toFile } from "openai";
import { OpenAIRealtimeWS } from "openai/realtime/ws";
import { ResponsesWS } from "openai/resources/responses/ws";

const [, , baseURL, tlsFolder] = process.argv;
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

await check("text of every kind is completed, counted and streamed", async () => {
  const completion = await client.completions.create({ model: "demo-chat", prompt: "The tide", max_tokens: 20 });
  assert.ok(completion.choices[0].text.length > 0);
  const pieces = await collect(await client.completions.create({ model: "demo-chat", prompt: "The tide", stream: true }));
  assert.ok(pieces.some((piece) => piece.choices.length));
  const counted = await client.responses.inputTokens.count({ model: "gpt-4o", input: "The tide" });
  assert.ok(counted.input_tokens > 0);
  assert.ok((await client.responses.compact({ model: "gpt-4o", input: "The tide" })).id);
  const told = await collect(
    await client.chat.completions.create({
      model: "gpt-4o", messages, max_tokens: 60, stream: true, stream_options: { include_usage: true },
    }),
  );
  assert.ok(told.at(-1).usage.completion_tokens > 0);
});

await check("sound is translated and streamed, pictures are made and varied", async () => {
  const model = "gpt-4o";
  const sound = () => toFile(Buffer.alloc(1000), "tide.wav");
  assert.match((await client.audio.translations.create({ file: await sound(), model })).text, /tide/);
  const heard = await collect(await client.audio.transcriptions.create({ file: await sound(), model, stream: true }));
  assert.equal(heard.at(-1).type, "transcript.text.done");
  assert.ok((await client.images.generate({ model, prompt: "A tide" })).data[0].b64_json);
  const image = await toFile(Buffer.alloc(100), "dot.png", { type: "image/png" });
  assert.ok((await client.images.createVariation({ image, model })).data[0].b64_json);
});

await check("a response in the background is fetched, cancelled, built upon and deleted", async () => {
  const stored = await client.responses.create({ model: "gpt-4o", input: "Say hi", background: true });
  assert.equal((await client.responses.cancel(stored.id)).status, "cancelled");
  const next = await client.responses.create({ model: "gpt-4o", input: "And?", previous_response_id: stored.id });
  assert.ok(next.id);
  await client.responses.delete(stored.id);
});

await check("uploads, stores, jobs, conversations, containers and evaluations are kept", async () => {
  const upload = await client.uploads.create({ filename: "a", bytes: 3, mime_type: "text/plain", purpose: "user_data" });
  const part = await client.uploads.parts.create(upload.id, { data: await toFile(Buffer.from("abc"), "part") });
  assert.equal((await client.uploads.complete(upload.id, { part_ids: [part.id] })).status, "completed");
  const store = await client.vectorStores.create({ name: "tides" });
  await client.vectorStores.files.create(store.id, { file_id: "file-1" });
  assert.equal((await collect(client.vectorStores.files.list(store.id))).length, 1);
  const job = await client.fineTuning.jobs.create({ model: "gpt-4o-mini", training_file: "file-1" });
  assert.equal(job.status, "queued");
  const talk = await client.conversations.create({ metadata: { topic: "tides" } });
  assert.equal((await client.conversations.retrieve(talk.id)).id, talk.id);
  const box = await client.containers.create({ name: "box" });
  assert.ok((await collect(client.containers.list())).some((one) => one.id === box.id));
  const exam = await client.evals.create({
    name: "e", data_source_config: { type: "custom", item_schema: { type: "object" } }, testing_criteria: [],
  });
  const source = { type: "file_id", id: "file-1" };
  const run = await client.evals.runs.create(exam.id, { data_source: { type: "completions", model: "gpt-4o", source } });
  assert.ok(run.id);
});

await check("an assistant runs and a video is asked for", async () => {
  const helper = await client.beta.assistants.create({ model: "gpt-4o", name: "helper" });
  const thread = await client.beta.threads.create();
  const run = await client.beta.threads.runs.create(thread.id, { assistant_id: helper.id });
  assert.equal((await client.beta.threads.runs.retrieve(run.id, { thread_id: thread.id })).id, run.id);
  const video = await client.videos.create({ model: "gpt-4o", prompt: "A tide" });
  assert.equal((await client.videos.retrieve(video.id)).id, video.id);
});

await check("an Azure client embeds, transcribes and keeps files", async () => {
  const input = ["one", "two"];
  assert.equal((await azure.embeddings.create({ model: "text-embedding-3-small", input })).data.length, 2);
  const file = await toFile(Buffer.alloc(1000), "tide.wav");
  assert.match((await azure.audio.transcriptions.create({ file, model: "gpt-4o" })).text, /tide/);
  const rows = await toFile(Buffer.from("rows"), "rows");
  assert.ok((await azure.files.create({ file: rows, purpose: "assistants" })).id);
});

// What a socket says, up to an event of one of these names.
function until(socket, ...names) {
  return new Promise((done, fail) => {
    const heard = [];
    socket.on("error", fail);
    socket.on("event", (event) => {
      heard.push(event.type);
      if (names.includes(event.type)) done([heard, event]);
    });
  });
}

await check("responses come over a WebSocket, one building on the other", async () => {
  const socket = new ResponsesWS(client);
  const ask = async (more) => {
    const last = until(socket, "response.completed", "response.incomplete");
    socket.send({ type: "response.create", model: "gpt-4o", input: "When does the tide turn?", max_output_tokens: 40, ...more });
    return (await last)[1].response;
  };
  const first = await ask({});
  assert.ok(first.usage.output_tokens > 0);
  assert.ok((await ask({ previous_response_id: first.id })).id);
  socket.close();
});

await check("a realtime session answers, and what its answers used is counted", async () => {
  // This client takes encrypted addresses alone, so that something before Tidegate has to speak TLS, as where it is reached from
  // elsewhere.
  const tls = (name) => readFileSync(`${tlsFolder}/${name}`);
  const { hostname: host, port } = new URL(baseURL);
  const front = createServer({ key: tls("localhost.key"), cert: tls("localhost.pem") }, (outside) => {
    const inside = connect(port, host);
    outside.pipe(inside).pipe(outside);
    for (const socket of [outside, inside]) socket.on("error", () => {});
  });
  await new Promise((done) => front.listen(0, "127.0.0.1", done));
  const url = `https://localhost:${front.address().port}/v1`;
  const before = await usedOnceSettled();
  const socket = new OpenAIRealtimeWS(
    { model: "gpt-4o", options: { ca: tls("ca.pem") } },
    new OpenAI({ baseURL: url, apiKey: "local" }),
  );
  const begun = until(socket, "session.created");
  assert.equal((await begun)[1].session.type, "realtime");
  for (let turn = 0; turn < 2; turn += 1) {
    const over = until(socket, "response.done");
    socket.send({
      type: "conversation.item.create",
      item: { type: "message", role: "user", content: [{ type: "input_text", text: "When does the tide turn?" }] },
    });
    socket.send({ type: "response.create" });
    const [heard, last] = await over;
    assert.ok(heard.includes("response.output_text.delta"));
    assert.ok(last.response.usage.output_tokens > 0);
  }
  const closed = new Promise((done) => socket.socket.on("close", done));
  socket.close();
  await closed;
  front.close();
  const late = Date.now() + 10_000;
  while ((await used()) < before + 24 && Date.now() < late) await new Promise((done) => setImmediate(done));
  assert.equal(await used(), before + 24);
});

// The same once whatever was asked before is counted.
async function usedOnceSettled() {
  const late = Date.now() + 10_000;
  for (;;) {
    const { endpoints } = await status();
    if (endpoints.every((endpoint) => endpoint.in_flight === 0)) break;
    assert.ok(Date.now() < late, "something is under way all the time");
    await new Promise((done) => setImmediate(done));
  }
  return used();
}

async function status() {
  return (await fetch(baseURL.replace(/\/v1$/, "/_tidegate/status"))).json();
}

// Tokens in and out that all endpoints have counted so far.
async function used() {
  return (await status()).endpoints.reduce((sum, { counters }) => sum + counters.tokens_in + counters.tokens_out, 0);
}

await check("a client that retries is answered, and refused once", async () => {
  const patient = new OpenAI({ baseURL, apiKey: "local" });
  const { response } = await patient.chat.completions
    .create({ model: "gpt-4o", messages, max_tokens: 20 })
    .withResponse();
  assert.equal(response.headers.get("x-tidegate-attempts"), "1");
  await assert.rejects(patient.chat.completions.create({ model: "no-such-model", messages }), { status: 404 });
});

await check("an unknown model is refused by name", async () => {
  await assert.rejects(
    client.chat.completions.create({ model: "no-such-model", messages }),
    (error) => error.status === 404 && error.code === "model_not_found",
  );
});

console.log(`${done} passed, 0 failed`);
