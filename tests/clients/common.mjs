// Checks for all clients and, for those in trouble, word from the far side (`tests/clients_in_trouble.rs`).

const [, , url, farSide] = process.argv;
export const baseURL = url;
let done = 0;

export async function check(name, body) {
  await body();
  done += 1;
  console.log("ok", name);
}

export async function collect(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

const ask = async (wish, model) => (await fetch(`${farSide}/${wish}/${model}`)).json();

// Requests that came to the preferred endpoint and to the other one.
export const arrived = (model) => ask("arrived", model);

// Hears what a client sends and is answered, with its own retries; `heals` ends that model's trouble at its first 429.
export class Ear {
  constructor(heals) {
    this.heals = heals;
    this.statuses = [];
    this.retries = [];
    this.fetch = async (input, init) => {
      if (this.refused && this.waited === undefined) this.waited = performance.now() - this.refused.at;
      this.retries.push(new Headers(init?.headers).get("x-stainless-retry-count"));
      const answer = await fetch(input, init);
      this.statuses.push(answer.status);
      if (answer.status === 429 && !this.refused) {
        if (this.heals) await ask("heal", this.heals);
        this.refused = { at: performance.now(), headers: answer.headers };
      }
      return answer;
    };
  }
}

export const end = () => console.log(`${done} passed, 0 failed`);
