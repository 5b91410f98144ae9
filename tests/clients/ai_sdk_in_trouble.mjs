// The Vercel AI SDK before endpoints in trouble, with its own retries off and on.
// Usage: node ai_sdk_in_trouble.mjs http://127.0.0.1:PORT/v1 FAR_SIDE
import assert from "node:assert/strict";
import { createOpenAI } from "@ai-sdk/openai";
import { APICallError, generateText, streamText } from "ai";
import { Ear, arrived, baseURL, check, end } from "./common.mjs";

const model = (name, ear) => createOpenAI({ baseURL, apiKey: "local", fetch: ear.fetch }).chat(name);
const ask = (name, maxRetries, ear) =>
  generateText({ model: model(name, ear), prompt: "Say hi", maxRetries, maxOutputTokens: 60 });

for (const maxRetries of [0, 2]) {
  for (const trouble of ["throttled", "broken", "reset"]) {
    await check(`${trouble}: answered elsewhere, unseen, with ${maxRetries} retries`, async () => {
      const [ear, name] = [new Ear(), `${trouble}-${maxRetries}`];
      assert.ok((await ask(name, maxRetries, ear)).text);
      assert.deepEqual([ear.statuses, await arrived(name)], [[200], [1, 1]]);
    });
  }

  await check(`a stream reset after output ends with an error, with ${maxRetries} retries`, async () => {
    const [ear, name] = [new Ear(), `cut-${maxRetries}`];
    const parts = [];
    const { fullStream } = streamText({
      model: model(name, ear), prompt: "Say hi", maxRetries, maxOutputTokens: 60, onError: () => {},
    });
    for await (const part of fullStream) parts.push(part.type);
    assert.ok(parts.includes("text-delta") && parts.includes("error"), parts.join());
    assert.deepEqual([ear.statuses, await arrived(name)], [[200], [1, 0]]);
  });
}

await check("all throttled: the final error", async () => {
  await assert.rejects(ask("full-0", 0, new Ear()), (error) => {
    assert.ok(APICallError.isInstance(error), error);
    assert.deepEqual([error.statusCode, error.isRetryable, error.responseHeaders["retry-after"]], [429, true, "2"]);
    return true;
  });
  assert.deepEqual(await arrived("full-0"), [1, 1]);
});

await check("all throttled: who comes back when told is answered, and sent once more", async () => {
  const ear = new Ear("full-2");
  assert.ok((await ask("full-2", 2, ear)).text);
  assert.deepEqual(ear.statuses, [429, 200]);
  assert.deepEqual((await arrived("full-2")).sort(), [1, 2]);
});
end();
