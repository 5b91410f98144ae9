"""The unmodified `openai` package from PyPI against Tidegate's demo: only the base URL differs from real use.

Usage: python_client.py http://127.0.0.1:PORT/v1
"""
import sys

from openai import AzureOpenAI, NotFoundError, OpenAI

base_url = sys.argv[1]
root = base_url.removesuffix("/v1")
client = OpenAI(base_url=base_url, api_key="local", max_retries=0)
azure = AzureOpenAI(azure_endpoint=root, api_key="local", api_version="2024-10-21", max_retries=0)
hello = [{"role": "user", "content": "Say hi in a few words"}]
done = 0


def check(name, condition):
    global done
    assert condition, name
    done += 1
    print("ok", name)


def weather_tool():
    return {
        "type": "function",
        "function": {
            "name": "tide_at",
            "description": "The tide at a place",
            "parameters": {
                "type": "object",
                "properties": {"place": {"type": "string"}},
                "required": ["place"],
            },
        },
    }


names = [model.id for model in client.models.list()]
check("models lists the routes", "demo-chat" in names and "gpt-4o" in names)
check("one model can be looked up", client.models.retrieve("demo-chat").id == "demo-chat")

raw = client.chat.completions.with_raw_response.create(model="demo-chat", messages=hello, max_tokens=60)
answer = raw.parse()
check("chat answers", bool(answer.choices[0].message.content) and answer.usage.total_tokens > 0)
check(
    "the answer says where it went",
    all(raw.headers.get(f"x-tidegate-{name}") for name in ("endpoint", "group", "attempts", "decision")),
)

chunks = list(client.chat.completions.create(model="gpt-4o", messages=hello, max_tokens=60, stream=True))
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
check("chat streams", len(chunks) > 2 and len(text) > 0)
check("no usage chunk unless asked for", all(chunk.usage is None for chunk in chunks))

chunks = list(
    client.chat.completions.create(
        model="gpt-4o", messages=hello, max_tokens=60, stream=True, stream_options={"include_usage": True}
    )
)
check("the usage chunk comes when asked for", chunks[-1].usage is not None and chunks[-1].usage.completion_tokens > 0)

answer = client.chat.completions.create(
    model="demo-chat", messages=hello, tools=[weather_tool()], tool_choice="required", max_tokens=80
)
call = answer.choices[0].message.tool_calls[0]
check("tools are called", call.function.name == "tide_at" and call.function.arguments.startswith("{"))

embeddings = client.embeddings.create(model="text-embedding-3-small", input=[f"text {n}" for n in range(64)])
check("64 inputs give 64 embeddings", len(embeddings.data) == 64 and len(embeddings.data[0].embedding) > 8)

response = client.responses.create(model="gpt-4o", input="Say hi", max_output_tokens=60)
check("responses answers", len(response.output_text) > 0 and response.usage.total_tokens > 0)

events = list(client.responses.create(model="gpt-4o", input="Say hi", max_output_tokens=60, stream=True))
check("responses streams to its end", events[0].type == "response.created" and events[-1].type == "response.completed")
check("responses streams text", any(event.type == "response.output_text.delta" for event in events))

completion = client.completions.create(model="demo-chat", prompt="The tide", max_tokens=20)
check("completions answers", len(completion.choices[0].text) > 0)

answer = azure.chat.completions.create(model="gpt-4o", messages=hello, max_tokens=60)
check("an Azure client's classic path answers", bool(answer.choices[0].message.content))
chunks = list(azure.chat.completions.create(model="gpt-4o", messages=hello, max_tokens=60, stream=True))
check("an Azure client's classic path streams", any(chunk.choices for chunk in chunks))
embeddings = azure.embeddings.create(model="text-embedding-3-small", input=["one", "two"])
check("an Azure client's embeddings answer", len(embeddings.data) == 2)

try:
    client.chat.completions.create(model="no-such-model", messages=hello)
    check("an unknown model is refused", False)
except NotFoundError as error:
    check("an unknown model is refused by name", "no-such-model" in str(error) and error.code == "model_not_found")

print(f"{done} passed, 0 failed")
