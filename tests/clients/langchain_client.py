"""LangChain's own OpenAI package against Tidegate's demo: only the base URL differs from real use.

Usage: langchain_client.py http://127.0.0.1:PORT/v1
"""
import sys

from langchain_core.messages import HumanMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings

base_url = sys.argv[1]
done = 0


def check(name, condition):
    global done
    assert condition, name
    done += 1
    print("ok", name)


@tool
def tide_at(place: str) -> str:
    """The tide at a place."""
    return f"high at {place}"


for responses in (False, True):
    way = "responses" if responses else "chat"
    # With its own retries off and on: Tidegate retries already, and must not be confused by a client that does, too.
    for retries in (0, 2):
        model = ChatOpenAI(
            model="gpt-4o",
            base_url=base_url,
            api_key="local",
            max_retries=retries,
            max_tokens=60,
            use_responses_api=responses,
            # Left out of itself where the base URL is not OpenAI's.
            stream_usage=True,
        )
        answer = model.invoke([HumanMessage("Say hi in a few words")])
        check(f"{way} answers with {retries} retries", answer.text and answer.usage_metadata["total_tokens"] > 0)
    pieces = list(model.stream("Say hi in a few words"))
    check(f"{way} streams", len(pieces) > 2 and any(piece.text for piece in pieces))
    used = [piece.usage_metadata for piece in pieces if piece.usage_metadata]
    check(f"{way} tells usage at the end of a stream", used and used[-1]["output_tokens"] > 0)
    called = model.bind_tools([tide_at], tool_choice="tide_at").invoke("When is the tide at Brest?")
    check(f"{way} calls a tool", called.tool_calls and called.tool_calls[0]["name"] == "tide_at")
    batch = model.batch(["one", "two", "three"])
    check(f"{way} answers a batch", len(batch) == 3 and all(answer.text for answer in batch))

embeddings = OpenAIEmbeddings(
    model="text-embedding-3-small", base_url=base_url, api_key="local", check_embedding_ctx_length=False
)
vectors = embeddings.embed_documents(["ebb", "flood"])
check("embeddings", len(vectors) == 2 and len(vectors[0]) == len(vectors[1]) > 1)
print(f"{done} passed, 0 failed")
