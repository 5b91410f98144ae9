"""The unmodified `openai` package from PyPI before endpoints in trouble, with its own retries off and on.

Usage: python_in_trouble.py http://127.0.0.1:PORT/v1 FAR_SIDE
"""
from openai import APIError, DefaultHttpxClient, InternalServerError, OpenAI, RateLimitError

from common import Ear, arrived, base_url, check, end

hello = [{"role": "user", "content": "Say hi in a few words"}]


def client(retries, ear):
    http = DefaultHttpxClient(event_hooks=ear.hooks)
    return OpenAI(base_url=base_url, api_key="local", max_retries=retries, timeout=60, http_client=http)


def chat(retries, ear, model, **more):
    return client(retries, ear).chat.completions.create(model=model, messages=hello, max_tokens=60, **more)


def text_of(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


for retries in (0, 2):
    with_retries = f"with {retries} retries"

    # What another endpoint can answer is answered there, and the client sees one request and one answer.
    for trouble in ("throttled", "broken", "reset"):
        ear, model = Ear(), f"{trouble}-{retries}"
        answer = chat(retries, ear, model)
        check(f"{trouble}: answered elsewhere {with_retries}", bool(answer.choices[0].message.content))
        check(f"{trouble}: unseen {with_retries}", ear.statuses == [200], ear.statuses)
        check(f"{trouble}: each was asked once {with_retries}", arrived(model) == [1, 1], arrived(model))

    ear, model = Ear(), f"cut-early-{retries}"
    check(f"a stream reset before its output goes on elsewhere {with_retries}", text_of(chat(retries, ear, model, stream=True)))
    check(f"and each was asked once {with_retries}", (ear.statuses, arrived(model)) == ([200], [1, 1]), arrived(model))

    ear, model = Ear(), f"cut-{retries}"
    chunks = []
    try:
        for chunk in chat(retries, ear, model, stream=True):
            chunks.append(chunk)
        check(f"a stream reset after output raises {with_retries}", False)
    except APIError as error:
        check(f"a stream reset after output raises the API's own error {with_retries}", type(error) is APIError, error)
        check(f"which names itself {with_retries}", error.type == "server_error" and error.message, error.body)
    check(f"what was said before has come {with_retries}", text_of(chunks))
    check(f"nothing is sent again {with_retries}", (ear.statuses, arrived(model)) == ([200], [1, 0]), arrived(model))

    ear, model = Ear(), f"cut-responses-{retries}"
    events = list(client(retries, ear).responses.create(model=model, input="Say hi", stream=True))
    check(f"a response says what it said {with_retries}", any(event.type == "response.output_text.delta" for event in events))
    check(f"and ends with the API's own error {with_retries}", events[-1].type == "error", events[-1])
    check(f"in its place {with_retries}", events[-1].sequence_number == events[-2].sequence_number + 1, events[-2:])
    check(f"once {with_retries}", (ear.statuses, arrived(model)) == ([200], [1, 0]), arrived(model))

    # Everything was tried already, so that a client which came back by itself would only add to it.
    ear, model = Ear(), f"down-{retries}"
    try:
        chat(retries, ear, model)
        check(f"all down {with_retries}", False)
    except InternalServerError as error:
        check(f"all down: the service's own error {with_retries}", error.status_code == 500, error)
    check(f"and four attempts for one request {with_retries}", (ear.statuses, arrived(model)) == ([500], [2, 2]), ear.statuses)

ear = Ear()
try:
    chat(0, ear, "full-0")
    check("all throttled", False)
except RateLimitError as error:
    told = error.response.headers
    check("all throttled: a 429 that says when to come back", told["retry-after"] == "2" and 1000 < int(told["retry-after-ms"]) <= 2000, told)
    check("and that it is worth it", told["x-should-retry"] == "true", told)
    check("it is ours, in the API's shape", told["x-tidegate-429-source"] == "local" and error.code == "rate_limit_exceeded", told)
check("each was asked once", arrived("full-0") == [1, 1], arrived("full-0"))

ear = Ear(heals="full-2")
check("all throttled: who comes back is answered", bool(chat(2, ear, "full-2").choices[0].message.content))
check("after one wait", (ear.statuses, ear.retries) == ([429, 200], ["0", "1"]), (ear.statuses, ear.retries))
check("of the length it was told", ear.waited * 1000 >= int(ear.refused[1]["retry-after-ms"]), ear.waited)
check("and is sent once more", sorted(arrived("full-2")) == [1, 2], arrived("full-2"))
end()
