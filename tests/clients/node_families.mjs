// The rest of the API with the unmodified `openai` package from npm against Tidegate's demo: what is resumed, stored and made.
// Usage: node node_families.mjs http://127.0.0.1:PORT/v1
import assert from "node:assert/strict";
import OpenAI, { toFile } from "openai";
import { baseURL, check, collect, end } from "./common.mjs";

const options = { apiKey: "local", maxRetries: 0, timeout: 60_000 };
const client = new OpenAI({ baseURL, ...options });
// An Azure resource's newer address, as the plain client is given it.
const azure = new OpenAI({ baseURL: baseURL.replace(/\/v1$/, "/openai/v1"), ...options });
const model = "gpt-4o";
const messages = [{ role: "user", content: "Say hi in a few words" }];
const bytes = async (answer) => Buffer.from(await answer.arrayBuffer());
const gone = (look) => assert.rejects(look, { status: 404 });

await check("a stream in the background that was left goes on behind what was seen", async () => {
  const stream = await client.responses.create({ model, input: "Say hi", background: true, stream: true });
  let [id, seen] = [];
  for await (const event of stream) {
    [id, seen] = [event.response?.id ?? id, event.sequence_number];
    if (event.type === "response.output_text.delta") break;
  }
  const rest = await collect(await client.responses.retrieve(id, { stream: true, starting_after: seen }));
  assert.deepEqual(rest.map((event) => event.sequence_number), rest.map((_, place) => seen + 1 + place));
  assert.equal(rest.at(-1).response.id, id);
  const queued = await client.responses.create({ model, input: "Say hi", background: true });
  assert.equal(queued.status, "queued");
  assert.ok((await client.responses.retrieve(queued.id)).output_text);
  assert.equal((await client.responses.cancel(queued.id)).status, "cancelled");
});

await check("chats are kept, fetched, listed, changed and deleted", async () => {
  const { id } = await client.chat.completions.create({ model, messages, max_tokens: 60, store: true });
  assert.equal((await client.chat.completions.retrieve(id)).id, id);
  assert.ok((await collect(client.chat.completions.list({ limit: 100 }))).some((one) => one.id === id));
  const said = await collect(client.chat.completions.messages.list(id));
  assert.deepEqual(said.map((one) => one.content), ["Say hi in a few words"]);
  assert.deepEqual((await client.chat.completions.update(id, { metadata: { topic: "ebb" } })).metadata, { topic: "ebb" });
  assert.ok((await client.chat.completions.delete(id)).deleted);
  await gone(client.chat.completions.retrieve(id));
});

await check("a film has content, and another is made of it", async () => {
  const film = await client.videos.create({ model, prompt: "A tide" });
  assert.equal((await bytes(await client.videos.downloadContent(film.id))).toString("latin1", 4, 8), "ftyp");
  const again = await client.videos.remix(film.id, { prompt: "Slower" });
  assert.equal(again.remixed_from_video_id, film.id);
  assert.equal((await client.videos.retrieve(again.id)).id, again.id);
});

await check("realtime sessions and calls are prepared without the socket", async () => {
  const session = { type: "realtime", model };
  assert.match((await client.realtime.clientSecrets.create({ session })).value, /^ek_/);
  assert.ok((await client.beta.realtime.sessions.create({ model })).client_secret.value);
  const call = await client.realtime.calls.create({ sdp: "v=0\r\n", session });
  assert.deepEqual([call.status, (await call.text()).slice(0, 3)], [201, "v=0"]);
  const name = call.headers.get("location").split("/").at(-1);
  await client.realtime.calls.accept(name, session);
  await client.realtime.calls.hangup(name);
});

await check("containers have files", async () => {
  const box = await client.containers.create({ name: "box" });
  const inside = await client.containers.files.create(box.id, { file: await toFile(Buffer.from("ebb"), "a.txt") });
  assert.deepEqual((await collect(client.containers.files.list(box.id))).map((one) => one.id), [inside.id]);
  const content = await client.containers.files.content.retrieve(inside.id, { container_id: box.id });
  assert.equal((await bytes(content)).toString(), "ebb");
  await client.containers.files.delete(inside.id, { container_id: box.id });
  await gone(client.containers.files.retrieve(inside.id, { container_id: box.id }));
});

await check("stores are filled many files at once, and searched", async () => {
  const store = await client.vectorStores.create({ name: "tides" });
  const batch = await client.vectorStores.fileBatches.create(store.id, { file_ids: ["file-b1", "file-b2"] });
  const place = { vector_store_id: store.id };
  assert.equal((await client.vectorStores.fileBatches.retrieve(batch.id, place)).file_counts.completed, 2);
  assert.equal((await collect(client.vectorStores.fileBatches.listFiles(batch.id, place))).length, 2);
  assert.equal((await client.vectorStores.fileBatches.cancel(batch.id, place)).status, "cancelled");
  assert.ok((await collect(client.vectorStores.search(store.id, { query: "tide" })))[0].content[0].text);
});

await check("jobs are listed, tell what happens, and are cancelled", async () => {
  const job = await client.fineTuning.jobs.create({ model: "gpt-4o-mini", training_file: "file-1" });
  assert.ok((await collect(client.fineTuning.jobs.list())).some((one) => one.id === job.id));
  assert.equal((await collect(client.fineTuning.jobs.listEvents(job.id)))[0].object, "fine_tuning.job.event");
  assert.equal((await client.fineTuning.jobs.cancel(job.id)).status, "cancelled");
});

await check("skills, chat sessions and consents are kept", async () => {
  const skill = await client.skills.create({ files: [await toFile(Buffer.from("# Tides"), "skill/SKILL.md")] });
  assert.equal((await bytes(await client.skills.content.retrieve(skill.id))).toString(), "# Tides");
  const chat = await client.beta.chatkit.sessions.create({ user: "u", workflow: { id: "wf_1" } });
  assert.equal((await client.beta.chatkit.sessions.cancel(chat.id)).status, "cancelled");
  const recording = await toFile(Buffer.from("RIFF"), "me.wav");
  assert.ok((await client.audio.voiceConsents.create({ language: "de", name: "me", recording })).id);
});

await check("speech and edited pictures come bit by bit", async () => {
  const asked = { model, voice: "alloy", input: "The tide turns" };
  const speech = await client.audio.speech.create(asked);
  assert.ok(Buffer.concat(await collect(speech.body)).length > 1024);
  const events = await (await client.audio.speech.create({ ...asked, stream_format: "sse" })).text();
  assert.match(events, /speech\.audio\.delta[^]*speech\.audio\.done/);
  const image = await toFile(Buffer.alloc(100), "dot.png", { type: "image/png" });
  const parts = await collect(await client.images.edit({ model, image, prompt: "More", stream: true }));
  assert.equal(parts.at(-1).type, "image_edit.completed");
});

await check("a v1 client of Azure does all that", async () => {
  assert.ok((await azure.chat.completions.create({ model, messages, max_tokens: 60 })).choices[0].message.content);
  const chunks = await collect(await azure.chat.completions.create({ model, messages, max_tokens: 60, stream: true }));
  assert.ok(chunks.some((chunk) => chunk.choices[0]?.delta?.content));
  assert.ok((await azure.responses.create({ model, input: "Say hi" })).output_text);
  const input = ["a", "b"];
  assert.equal((await azure.embeddings.create({ model: "text-embedding-3-small", input })).data.length, 2);
  const file = await azure.files.create({ file: await toFile(Buffer.from("a"), "a"), purpose: "assistants" });
  assert.equal(await (await azure.files.content(file.id)).text(), "a");
  assert.ok((await azure.files.delete(file.id)).deleted);
  assert.ok((await collect(azure.models.list())).some((one) => one.id === model));
});
end();
