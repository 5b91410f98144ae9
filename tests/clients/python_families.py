"""The rest of the API with the unmodified `openai` package from PyPI against Tidegate's demo: what is resumed, stored and made.

Usage: python_families.py http://127.0.0.1:PORT/v1
"""
import asyncio

from openai import AsyncOpenAI, NotFoundError, OpenAI

from common import base_url, check, end

client = OpenAI(base_url=base_url, api_key="local", max_retries=0, timeout=60)
# An Azure resource's newer address, as the plain client is given it.
azure = OpenAI(base_url=base_url.removesuffix("/v1") + "/openai/v1", api_key="local", max_retries=0, timeout=60)
model = "gpt-4o"
hello = [{"role": "user", "content": "Say hi in a few words"}]


def gone(look, *ids, **more):
    try:
        look(*ids, **more)
    except NotFoundError:
        return True
    return False


# Responses in the background.
events = []
for event in client.responses.create(model=model, input="Say hi", background=True, stream=True):
    events.append(event)
    if event.type == "response.output_text.delta":
        break
kept, seen = events[0].response.id, events[-1].sequence_number
rest = list(client.responses.retrieve(kept, stream=True, starting_after=seen))
check("a stream that was left goes on behind what was seen", [event.sequence_number for event in rest] == list(range(seen + 1, seen + 1 + len(rest))), rest)
check("to its end", rest[-1].type in ("response.completed", "response.incomplete") and rest[-1].response.id == kept, rest[-1])
whole = list(client.responses.retrieve(kept, stream=True))
check("or once more from its beginning", (whole[0].type, whole[-1].type) == ("response.created", rest[-1].type), whole)
queued = client.responses.create(model=model, input="Say hi", background=True, metadata={"topic": "tides"})
check("one in the background is taken in at once", (queued.status, queued.background) == ("queued", True), queued)
done = client.responses.retrieve(queued.id)
check("and had when it is done", done.status in ("completed", "incomplete") and done.output_text and done.metadata == {"topic": "tides"}, done)
check("one that is under way is cancelled", client.responses.cancel(queued.id).status == "cancelled")
check("its input is listed", client.responses.input_items.list(queued.id) is not None)

# Chats that are kept.
made = client.chat.completions.create(model=model, messages=hello, max_tokens=60, store=True, metadata={"topic": "tides"})
found = client.chat.completions.retrieve(made.id)
check("a stored chat is fetched", (found.id, found.choices[0].message.content) == (made.id, made.choices[0].message.content), found)
check("stored chats are listed", made.id in [one.id for one in client.chat.completions.list(limit=100)])
said = client.chat.completions.messages.list(made.id).data
check("with the messages they answer", [one.content for one in said] == ["Say hi in a few words"], said)
check("what is noted of one is changed", client.chat.completions.update(made.id, metadata={"topic": "ebb"}).metadata == {"topic": "ebb"})
check("one is deleted", client.chat.completions.delete(made.id).deleted and gone(client.chat.completions.retrieve, made.id))
forgotten = client.chat.completions.create(model=model, messages=hello, max_tokens=20)
check("what was not to be kept is not", gone(client.chat.completions.retrieve, forgotten.id))

# Films.
film = client.videos.create(model=model, prompt="A tide")
check("a film has content", client.videos.download_content(film.id).read()[4:8] == b"ftyp")
again = client.videos.remix(film.id, prompt="Slower")
check("another is made of it", (again.remixed_from_video_id, client.videos.retrieve(again.id).id) == (film.id, again.id), again)
check("both are listed", {film.id, again.id} <= {one.id for one in client.videos.list()})

# Realtime without the socket.
secret = client.realtime.client_secrets.create(session={"type": "realtime", "model": model})
check("a browser gets a key for one session", secret.value.startswith("ek_") and secret.expires_at > 0, secret)
check("a session is prepared", client.beta.realtime.sessions.create(model=model).client_secret.value)
check("one that only listens, too", client.beta.realtime.transcription_sessions.create().client_secret.value)
call = client.realtime.calls.create(sdp="v=0\r\n", session={"type": "realtime", "model": model})
check("a call is taken", call.response.status_code == 201 and call.text.startswith("v=0"), call.text)
name = call.response.headers["location"].rsplit("/", 1)[1]
client.realtime.calls.accept(name, type="realtime", model=model)
client.realtime.calls.hangup(name)
check("it is accepted and hung up where it was taken", True)

# What containers, stores and jobs hold.
box = client.containers.create(name="box")
inside = client.containers.files.create(box.id, file=("a.txt", b"ebb"))
check("a container has files", [one.id for one in client.containers.files.list(box.id)] == [inside.id])
check("whose content comes back", client.containers.files.content.retrieve(inside.id, container_id=box.id).read() == b"ebb")
client.containers.files.delete(inside.id, container_id=box.id)
check("and which are deleted", gone(client.containers.files.retrieve, inside.id, container_id=box.id))
file = client.files.create(file=("tides.txt", b"six"), purpose="assistants")
store = client.vector_stores.create(name="tides")
client.vector_stores.files.create(store.id, file_id=file.id)
check("a file stands in a store by its own name", client.vector_stores.files.retrieve(file.id, vector_store_id=store.id).id == file.id)
batch = client.vector_stores.file_batches.create(store.id, file_ids=["file-a1", "file-a2"])
check("files come in many at once", client.vector_stores.file_batches.retrieve(batch.id, vector_store_id=store.id).file_counts.completed == 2)
check("and are listed", len(client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id).data) == 2)
check("in the store as well", len(client.vector_stores.files.list(store.id).data) == 3)
check("such a batch is cancelled", client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id).status == "cancelled")
hits = list(client.vector_stores.search(store.id, query="When does the tide turn?"))
check("a store is searched", hits[0].content[0].text and hits[0].score > 0, hits)
job = client.fine_tuning.jobs.create(model="gpt-4o-mini", training_file=file.id)
check("jobs are listed", job.id in [one.id for one in client.fine_tuning.jobs.list()])
check("a job tells what happens", [one.object for one in client.fine_tuning.jobs.list_events(job.id)] == ["fine_tuning.job.event"])
check("it has no checkpoints yet", not client.fine_tuning.jobs.checkpoints.list(job.id).data)
check("it is paused and goes on", (client.fine_tuning.jobs.pause(job.id).status, client.fine_tuning.jobs.resume(job.id).status) == ("paused", "queued"))
check("it is cancelled", client.fine_tuning.jobs.cancel(job.id).status == "cancelled")
talk = client.conversations.create()
client.conversations.items.create(talk.id, items=[{"type": "message", "role": "user", "content": "ebb"}])
check("a conversation has items", client.conversations.items.list(talk.id).data)
skill = client.skills.create(files=[("skill/SKILL.md", b"# Tides", "text/markdown")])
check("a skill is kept", client.skills.retrieve(skill.id).id == skill.id)
check("with its content", client.skills.content.retrieve(skill.id).read() == b"# Tides")
chat = client.beta.chatkit.sessions.create(user="u", workflow={"id": "wf_1"})
check("a chat session is cancelled", client.beta.chatkit.sessions.cancel(chat.id).status == "cancelled")
consent = client.audio.voice_consents.create(language="de", name="me", recording=("me.wav", b"RIFF", "audio/wav"))
check("a voice's consent is kept", consent.id in [one.id for one in client.audio.voice_consents.list()])
check("content is checked for where it comes from", client.content_provenance_checks.create(file=("a.png", b"\x89PNG", "image/png")).id)

# Sound and pictures that come bit by bit.
with client.audio.speech.with_streaming_response.create(model=model, voice="alloy", input="The tide turns") as speech:
    check("speech comes as bytes", sum(map(len, speech.iter_bytes(1024))) > 1024)
with client.audio.speech.with_streaming_response.create(
    model=model, voice="alloy", input="The tide turns", stream_format="sse"
) as speech:
    lines = [line for line in speech.iter_lines() if line.startswith("data: ")]
    check("and as events", "speech.audio.delta" in lines[0] and "speech.audio.done" in lines[-1], lines)
picture = ("dot.png", b"\x89PNG" + bytes(100), "image/png")
parts = [event.type for event in client.images.edit(model=model, image=picture, prompt="More", stream=True)]
check("an edited picture comes as a stream", parts[-1] == "image_edit.completed" and "image_edit.partial_image" in parts, parts)

# Azure's newer address.
check("a v1 client of Azure chats", azure.chat.completions.create(model=model, messages=hello, max_tokens=60).choices[0].message.content)
chunks = list(azure.chat.completions.create(model=model, messages=hello, max_tokens=60, stream=True))
check("streams", any(chunk.choices and chunk.choices[0].delta.content for chunk in chunks))
check("answers responses", azure.responses.create(model=model, input="Say hi").output_text)
check("embeds", len(azure.embeddings.create(model="text-embedding-3-small", input=["a", "b"]).data) == 2)
check("hears", "tide" in azure.audio.transcriptions.create(model=model, file=("a.wav", b"RIFF")).text)
own = azure.files.create(file=("a", b"a"), purpose="assistants")
check("keeps files", azure.files.content(own.id).read() == b"a" and azure.files.delete(own.id).deleted)
check("and lists models", model in [one.id for one in azure.models.list()])


async def side_by_side():
    async with AsyncOpenAI(base_url=base_url, api_key="local", max_retries=0, timeout=60) as several:
        asked = [several.chat.completions.create(model=model, messages=hello, max_tokens=20) for _ in range(4)]
        answers = await asyncio.gather(*asked)
        check("an asynchronous client asks several at once", all(one.choices[0].message.content for one in answers))
        stream = await several.responses.create(model=model, input="Say hi", stream=True)
        types = [event.type async for event in stream]
        check("and streams", types[0] == "response.created" and types[-1] == "response.completed", types)
        file = await several.files.create(file=("b", b"b"), purpose="assistants")
        check("and keeps files", (await several.files.content(file.id)).read() == b"b")


asyncio.run(side_by_side())
end()
