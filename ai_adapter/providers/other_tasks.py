"""What is no chat: vectors, pictures, opinions, voices and ears, in OpenAI's words."""

import base64
import binascii

import httpx2
import openai
from msgspec.structs import replace

from ai_adapter.base import Call, Judged, Media, Output, Reply, Spent, Task
from ai_adapter.errors import AskAgain, Refused
from ai_adapter.models import TASK_NEEDS
from ai_adapter.providers import wire

_VOICE = "alloy"


def is_other(task: Task) -> bool:
    return task in TASK_NEEDS


def embedding(call: Call) -> dict[str, object]:
    inputs = [text or " " for text in call.inputs]
    return {"model": call.model, "input": inputs, "encoding_format": "float"}


def vectors(answer: wire.Embeddings, call: Call) -> Reply:
    spent = wire.spent_of(answer, call.model)
    return Reply(_vectors(answer, call, spent), spent, "")


def _vectors(answer: wire.Embeddings, call: Call, spent: Spent) -> Output:
    ordered = sorted(answer.data, key=lambda vector: vector.index)
    found = tuple(vector.embedding for vector in ordered)
    if len(found) != len(call.inputs) or len({len(v) for v in found}) != 1:
        raise AskAgain("not one vector of one size for each input", spent)
    if not found[0]:
        raise AskAgain("the vectors are empty", spent)
    return found


def picture(call: Call) -> dict[str, object]:
    return {
        "model": call.model,
        "prompt": "\n".join(call.inputs),
        "n": call.variants,
    }


def pictures(answer: wire.Pictures, call: Call) -> Reply:
    """The words as the model understood them, and the files."""
    counted = wire.spent_of(answer, call.model)
    files = tuple(
        Media(_bytes(each.b64_json, counted), f"image/{answer.output_format or 'png'}")
        for each in answer.data
    )
    if not files:
        raise AskAgain("the answer has no picture", counted)
    said = tuple(each.revised_prompt or "" for each in answer.data)
    spent = replace(counted, images=len(files))
    return Reply(said if len(said) > 1 else said[0], spent, "", media=files)


def _bytes(text: str, spent: Spent) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise AskAgain("the picture is not base64", spent) from error


def opinions(answer: wire.Moderated, call: Call) -> Reply:
    """One opinion for each input, as `flagged` or `passed` and in numbers."""
    spent = wire.spent_of(answer, call.model)
    if len(answer.results) != len(call.inputs):
        raise AskAgain("not one opinion for each input", spent)
    judged = tuple(Judged(e.flagged, e.category_scores) for e in answer.results)
    said = tuple("flagged" if each.flagged else "passed" for each in judged)
    return Reply(said, spent, answer.id, judged=judged)


def utterance(call: Call) -> dict[str, object]:
    text = "\n".join(call.inputs)
    return {
        "model": call.model,
        "input": text,
        "voice": _VOICE,
        "response_format": "wav",
    }


def spoken(raw: httpx2.Response, call: Call) -> Reply:
    """A sound; billed by the letter, and there is nothing else to read."""
    kind = raw.headers.get("content-type", "").partition(";")[0]
    if kind.startswith(("application/json", "text/")) or not raw.content:
        raise wire.trouble(raw.content) or AskAgain("the answer is not a sound")
    letters = sum(len(each) for each in call.inputs)
    spent = Spent(call.model, characters=letters)
    sound = Media(raw.content, kind or "audio/wav")
    return Reply("", spent, raw.headers.get("x-request-id", ""), media=(sound,))


async def heard(client: openai.AsyncOpenAI, call: Call) -> Reply:
    """The words of a sound; who needs their times asks a `Transcriber`."""
    sound = call.ask.sound
    if sound is None:
        raise Refused("sound_missing", "send the sound that is to be heard")
    raw = await client.audio.transcriptions.with_raw_response.create(
        model=call.model,
        file=("sound", sound.content, sound.kind),
        response_format="json",
        timeout=call.timeout_s,
        extra_headers={"Authorization": f"Bearer {call.key}"} if call.key else None,
    )
    answer = wire.decoded(raw.content, wire.Transcribed)
    spent = wire.spent_of(answer, call.model)
    if not answer.text.strip():
        raise AskAgain("nothing was heard", spent)
    return Reply(answer.text.strip(), spent, raw.request_id or "")
