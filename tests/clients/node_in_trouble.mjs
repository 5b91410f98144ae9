// The unmodified `openai` package from npm before endpoints in trouble, with its own retries off and on.
// Usage: node node_in_trouble.mjs http://127.0.0.1:PORT/v1 FAR_SIDE
import assert from "node:assert/strict";
import OpenAI, { APIError } from "openai";
import { Ear, arrived, baseURL, check, end } from "./common.mjs";

const messages = [{ role: "user", content: "Say hi in a few words" }];
const client = (maxRetries, ear) =>
  new OpenAI({ baseURL, apiKey: "local", maxRetries, timeout: 60_000, fetch: ear.fetch });
const chat = (maxRetries, ear, model, more) =>
  client(maxRetries, ear).chat.completions.create({ model, messages, max_tokens: 60, ...more });

// What a stream says, and what it is broken off by.
async function heard(stream) {
  const items = [];
  try {
    for await (const item of stream) items.push(item);
  } catch (error) {
    return { items, error };
  }
  return { items };
}

const textOf = (chunks) => chunks.map((chunk) => chunk.choices[0]?.delta?.content ?? "").join("");

for (const retries of [0, 2]) {
  // What another endpoint can answer is answered there, and the client sees one request and one answer.
  for (const trouble of ["throttled", "broken", "reset"]) {
    await check(`${trouble}: answered elsewhere, unseen, with ${retries} retries`, async () => {
      const [ear, model] = [new Ear(), `${trouble}-${retries}`];
      assert.ok((await chat(retries, ear, model)).choices[0].message.content);
      assert.deepEqual(ear.statuses, [200]);
      assert.deepEqual(await arrived(model), [1, 1]);
    });
  }

  await check(`a stream reset before its output goes on elsewhere with ${retries} retries`, async () => {
    const [ear, model] = [new Ear(), `cut-early-${retries}`];
    const { items, error } = await heard(await chat(retries, ear, model, { stream: true }));
    assert.ok(!error && textOf(items), error);
    assert.deepEqual([ear.statuses, await arrived(model)], [[200], [1, 1]]);
  });

  await check(`a stream reset after output raises the API's own error with ${retries} retries`, async () => {
    const [ear, model] = [new Ear(), `cut-${retries}`];
    const { items, error } = await heard(await chat(retries, ear, model, { stream: true }));
    assert.ok(textOf(items), "what was said before has come");
    assert.ok(error instanceof APIError && error.type === "server_error" && error.error.message, error);
    assert.deepEqual([ear.statuses, await arrived(model)], [[200], [1, 0]], "nothing is sent again");
  });

  await check(`a response reset after output raises the API's own error with ${retries} retries`, async () => {
    const [ear, model] = [new Ear(), `cut-responses-${retries}`];
    const { items, error } = await heard(await client(retries, ear).responses.create({ model, input: "Say hi", stream: true }));
    assert.ok(items.some((event) => event.type === "response.output_text.delta"));
    assert.ok(error instanceof APIError && error.code === "stream_interrupted", error);
    assert.deepEqual([ear.statuses, await arrived(model)], [[200], [1, 0]], "nothing is sent again");
  });

  await check(`all down: the service's own error with ${retries} retries`, async () => {
    const [ear, model] = [new Ear(), `down-${retries}`];
    await assert.rejects(chat(retries, ear, model), { status: 500 });
    assert.deepEqual([ear.statuses, await arrived(model)], [[500], [2, 2]], "four attempts for one request");
  });
}

await check("all throttled: a 429 that says when to come back, and that it is worth it", async () => {
  const ear = new Ear();
  await assert.rejects(chat(0, ear, "full-0"), (error) => {
    const told = (name) => error.headers.get(name);
    assert.deepEqual([error.status, error.code, told("retry-after")], [429, "rate_limit_exceeded", "2"]);
    assert.deepEqual([told("x-should-retry"), told("x-tidegate-429-source")], ["true", "local"]);
    return true;
  });
  assert.deepEqual(await arrived("full-0"), [1, 1]);
});

await check("all throttled: who comes back when told is answered, and sent once more", async () => {
  const ear = new Ear("full-2");
  assert.ok((await chat(2, ear, "full-2")).choices[0].message.content);
  assert.deepEqual([ear.statuses, ear.retries], [[429, 200], ["0", "1"]]);
  assert.ok(ear.waited + 5 >= Number(ear.refused.headers.get("retry-after-ms")), `${ear.waited} ms`);
  assert.deepEqual((await arrived("full-2")).sort(), [1, 2]);
});
end();
