"""The unmodified `openai` package from PyPI against Tidegate's demo: only the base URL differs from real use.

Usage: python_client.py http://127.0.0.1:PORT/v1
"""
import io
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

events = list(client.responses.create(model="gpt-4o", input="Say hi", stream=True))
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

# Everything else that the API offers.
model = "gpt-4o"
sound = ("tide.wav", io.BytesIO(b"RIFF" + bytes(3_000_000)), "audio/wav")
check("speech answers", len(client.audio.speech.create(model=model, voice="alloy", input="The tide turns").content) > 0)
check("transcription takes a file", "tide" in client.audio.transcriptions.create(model=model, file=sound).text)
sound[1].seek(0)
heard = list(client.audio.transcriptions.create(model=model, file=sound, stream=True))
check("transcription streams", heard[-1].type == "transcript.text.done" and heard[-1].usage.input_tokens > 0)
sound[1].seek(0)
check("translation takes a file", "tide" in client.audio.translations.create(model=model, file=sound).text)
check("images are made", client.images.generate(model=model, prompt="A tide").data[0].b64_json)
picture = ("dot.png", io.BytesIO(b"\x89PNG" + bytes(100)), "image/png")
check("images are edited", client.images.edit(model=model, image=picture, prompt="More").usage.total_tokens > 0)
check("moderation judges", not client.moderations.create(model=model, input=["a", "b"]).results[1].flagged)
check("tokens are counted", client.responses.input_tokens.count(model=model, input="The tide").input_tokens > 0)
azure_sound = azure.audio.transcriptions.create(model=model, file=("a.wav", b"RIFF"))
check("the Azure client transcribes", "tide" in azure_sound.text)

stored = client.responses.create(model=model, input="Say hi", background=True)
check("a stored response is fetched", client.responses.retrieve(stored.id).id == stored.id)
check("a response is cancelled", client.responses.cancel(stored.id).status == "cancelled")
client.responses.delete(stored.id)
uploaded = client.files.create(file=("rows.jsonl", b'{"a":1}\n'), purpose="batch")
check("a file is uploaded, listed and read", uploaded.id in [file.id for file in client.files.list()])
check("its content comes back", client.files.content(uploaded.id).content == b'{"a":1}\n')
batch = client.batches.create(input_file_id=uploaded.id, endpoint="/v1/responses", completion_window="24h")
check("a batch is made, listed and cancelled", client.batches.cancel(batch.id).status == "cancelled")
check("the file is deleted", client.files.delete(uploaded.id).deleted)
upload = client.uploads.create(filename="a", bytes=3, mime_type="text/plain", purpose="user_data")
part = client.uploads.parts.create(upload.id, data=b"abc")
check("an upload is completed", client.uploads.complete(upload.id, part_ids=[part.id]).status == "completed")
store = client.vector_stores.create(name="tides")
client.vector_stores.files.create(store.id, file_id="file-1")
check("a vector store has files", len(client.vector_stores.files.list(store.id).data) == 1)
check("a job is made", client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file="file-1").status == "queued")
talk = client.conversations.create(metadata={"topic": "tides"})
check("a conversation is kept", client.conversations.retrieve(talk.id).id == talk.id)
box = client.containers.create(name="box")
check("a container is kept", box.id in [one.id for one in client.containers.list()])
exam = client.evals.create(
    name="e", data_source_config={"type": "custom", "item_schema": {"type": "object"}}, testing_criteria=[]
)
check("an eval is kept", client.evals.retrieve(exam.id).id == exam.id)
helper = client.beta.assistants.create(model=model, name="helper")
thread = client.beta.threads.create()
run = client.beta.threads.runs.create(thread.id, assistant_id=helper.id)
check("an assistant runs", client.beta.threads.runs.retrieve(run.id, thread_id=thread.id).id == run.id)
video = client.videos.create(model=model, prompt="A tide")
check("a video is asked for", client.videos.retrieve(video.id).id == video.id)
check("the Azure client keeps files too", azure.files.create(file=("a", b"a"), purpose="assistants").id)



check(
    "completions stream",
    any(chunk.choices for chunk in client.completions.create(model="demo-chat", prompt="The tide", stream=True)),
)
sound[1].seek(0)
check("pictures come as a stream", [*client.images.generate(model=model, prompt="A tide", stream=True)][-1].type == "image_generation.completed")
picture[1].seek(0)
check("images are varied", client.images.create_variation(model=model, image=picture).data[0].b64_json)
check("responses are compacted", client.responses.compact(model=model, input="The tide").id)
kept = client.responses.create(model=model, input="Say hi")
check("a stored response has its input", client.responses.input_items.list(kept.id) is not None)
check("a stored response is built upon", client.responses.create(model=model, input="And?", previous_response_id=kept.id).id)
client.conversations.delete(talk.id)
client.containers.delete(box.id)
check("a video is deleted", client.videos.delete(video.id).id == video.id)
check("an assistant is listed and deleted", helper.id in [one.id for one in client.beta.assistants.list()])
check("assistants go", client.beta.assistants.delete(helper.id).deleted)
check("batches are listed", batch.id in [one.id for one in client.batches.list()])
check("vector stores are listed", store.id in [one.id for one in client.vector_stores.list()])
runs = client.evals.runs.create(exam.id, data_source={"type": "completions", "model": model, "source": {"type": "file_id", "id": uploaded.id}})
check("an evaluation runs", runs.id)

# With the SDK's own retries on, which is what most programs have.
patient = OpenAI(base_url=base_url, api_key="local")
check("a client that retries is answered", bool(patient.chat.completions.create(model=model, messages=hello, max_tokens=20).id))
try:
    patient.chat.completions.create(model="no-such-model", messages=hello)
    check("a client that retries is refused once", False)
except NotFoundError:
    check("a client that retries is refused once", True)


with client.realtime.connect(model=model) as session:
    session.response.create()
    names = []
    for event in session:
        names.append(event.type)
        if event.type == "response.done":
            break
    check("a realtime session answers", names[0] == "session.created" and names[-1] == "response.done")


def answer_over(socket, **question):
    socket.response.create(model=model, max_output_tokens=40, **question)
    text = ""
    for event in socket:
        if event.type == "response.output_text.delta":
            text += event.delta
        if event.type in ("response.completed", "response.incomplete", "error"):
            return event, text


with client.responses.connect() as socket:
    first, text = answer_over(socket, input="When does the tide turn?")
    check("a response comes over a WebSocket", first.type != "error" and text and first.response.usage.output_tokens > 0)
    then, text = answer_over(socket, input="And then?", previous_response_id=first.response.id)
    check("the next one builds on it", then.type != "error" and text)

try:
    client.chat.completions.create(model="no-such-model", messages=hello)
    check("an unknown model is refused", False)
except NotFoundError as error:
    check("an unknown model is refused by name", "no-such-model" in str(error) and error.code == "model_not_found")

print(f"{done} passed, 0 failed")
