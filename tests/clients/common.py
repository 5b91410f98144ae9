"""Checks for all clients and, for those in trouble, word from the far side (`tests/clients_in_trouble.rs`)."""
import json
import sys
import time
import urllib.request

base_url, far_side = (sys.argv[1:] + [None])[:2]
done = 0


def check(name, condition, told=None):
    global done
    assert condition, f"{name}: {told!r}"
    done += 1
    print("ok", name)


def _ask(wish, model):
    with urllib.request.urlopen(f"{far_side}/{wish}/{model}", timeout=30) as answer:
        return json.load(answer)


def arrived(model):
    """Requests that came to the preferred endpoint and to the other one."""
    return _ask("arrived", model)


def heal(model):
    _ask("heal", model)


class Ear:
    """Hears what the client sends and is answered, with its own retries. A `heals` ends the model's trouble at its first 429."""

    def __init__(self, heals=None):
        self.heals, self.retries, self.statuses, self.refused, self.waited = heals, [], [], None, None
        self.hooks = {"request": [self.on_request], "response": [self.on_response]}

    def on_request(self, request):
        self.retries.append(request.headers.get("x-stainless-retry-count"))
        if self.refused and self.waited is None:
            self.waited = time.monotonic() - self.refused[0]

    def on_response(self, response):
        self.statuses.append(response.status_code)
        if response.status_code == 429 and self.refused is None:
            self.refused = (time.monotonic(), response.headers)
            if self.heals:
                heal(self.heals)


def end():
    print(f"{done} passed, 0 failed")
