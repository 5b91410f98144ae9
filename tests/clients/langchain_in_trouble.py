"""LangChain's own OpenAI package before endpoints in trouble, with its retries off and on.

Usage: langchain_in_trouble.py http://127.0.0.1:PORT/v1 FAR_SIDE
"""
from langchain_openai import ChatOpenAI
from openai import APIError, DefaultHttpxClient, RateLimitError

from common import Ear, arrived, base_url, check, end


def model(name, retries, ear):
    http = DefaultHttpxClient(event_hooks=ear.hooks)
    return ChatOpenAI(
        model=name, base_url=base_url, api_key="local", max_retries=retries, max_tokens=60, timeout=60, http_client=http
    )


for retries in (0, 2):
    with_retries = f"with {retries} retries"
    for trouble in ("throttled", "broken", "reset"):
        ear, name = Ear(), f"{trouble}-{retries}"
        check(f"{trouble}: answered elsewhere {with_retries}", model(name, retries, ear).invoke("Say hi").text)
        check(f"{trouble}: unseen {with_retries}", (ear.statuses, arrived(name)) == ([200], [1, 1]), arrived(name))
    ear, name = Ear(), f"cut-{retries}"
    pieces = []
    try:
        for piece in model(name, retries, ear).stream("Say hi"):
            pieces.append(piece)
        check(f"a stream reset after output raises {with_retries}", False)
    except APIError as error:
        check(f"a stream reset after output raises {with_retries}", any(piece.text for piece in pieces) and error.message)
    check(f"and is not sent again {with_retries}", arrived(name) == [1, 0], arrived(name))

ear = Ear()
try:
    model("full-0", 0, ear).invoke("Say hi")
    check("all throttled", False)
except RateLimitError as error:
    check("all throttled: the final error", error.code == "rate_limit_exceeded" and error.response.headers["retry-after"] == "2")
ear = Ear(heals="full-2")
check("all throttled: who comes back is answered", model("full-2", 2, ear).invoke("Say hi").text)
check("after one wait", (ear.statuses, sorted(arrived("full-2"))) == ([429, 200], [1, 2]), (ear.statuses, arrived("full-2")))
end()
