"""Subtitles into another language: a line for each cue, at the cue's own time."""

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec.structs import replace

from ai_adapter.base import Answer, Ask, Usage
from ai_adapter.errors import Refused
from ai_adapter.price_book import total
from media_agents.errors import MediaRefused, ObjectDiffers, ObjectMissing
from media_agents.subtitles.cues import mended
from media_agents.subtitles.files import checked, clean
from media_agents.subtitles.keeping import Home, Objects, cues_in, keep
from media_agents.subtitles.rules import Cue, rules_for
from schemas.jobs import Subtitled, TranslateInput
from schemas.jobs import Usage as Used
from streams.agents.ai import Doors
from streams.agents.paying import Asks
from streams.agents.work import Impossible, Job, Report, TryLater

# Enough for context, few enough that a model keeps count.
LINES_AT_ONCE = 40
ASKED = 2
TOKENS_A_LINE = 120


class Translating:
    """The work for TranslateInput."""

    def __init__(self, doors: Doors, objects: Objects) -> None:
        self._doors = doors
        self._objects = objects

    async def translate(self, job: Job, report: Report) -> Subtitled:
        wanted = job.asked(TranslateInput)
        try:
            body = await cues_in(self._objects, wanted.text)
        except (ObjectMissing, ObjectDiffers) as gone:
            raise Impossible("subtitle_missing", str(gone)) from gone
        done = Translation(self._doors.of(job), job.tenant, wanted)
        lines = [_line(cue, body.language) for cue in body.cues]
        said: list[str] = []
        for first in range(0, len(lines), LINES_AT_ONCE):
            report(5 + 90 * first // len(lines), "translate")
            said += await done.of(lines[first : first + LINES_AT_ONCE])
        cues = await asyncio.to_thread(_timed, body.cues, said, wanted)
        home = Home(job.tenant, wanted.asset_id, wanted.language)
        text = await keep(
            self._objects,
            home,
            cues,
            "translation",
            confidence="high",
            upright=wanted.upright,
        )
        return done.told(Subtitled(text))


def _line(cue: Cue, language: str) -> str:
    return ("" if rules_for(language).wide else " ").join(cue.lines)


def _timed(
    cues: Sequence[Cue], said: Sequence[str], wanted: TranslateInput
) -> list[Cue]:
    language = rules_for(wanted.language, upright=wanted.upright)
    changed = [
        replace(cue, lines=(line,)) for cue, line in zip(cues, said, strict=True)
    ]
    found = mended(changed, language)
    try:
        checked(found)
    except MediaRefused as no:
        raise TryLater("translation_bad", no.reason) from no
    return found


class Translation:
    """One text on its way: which models were asked, and what that cost."""

    def __init__(self, door: Asks, tenant: str, wanted: TranslateInput) -> None:
        self._door = door
        self._tenant = tenant
        self._wanted = wanted
        self._answers: list[Answer] = []

    async def of(self, lines: Sequence[str]) -> list[str]:
        """One for each; of lines that a model cannot count, half at a time."""
        for _ in range(ASKED):
            found = translated(await self._asked(lines), len(lines))
            if found is not None:
                return found
        if len(lines) == 1:
            raise TryLater("translation_bad", "the model did not translate a line")
        half = len(lines) // 2
        return [*await self.of(lines[:half]), *await self.of(lines[half:])]

    async def _asked(self, lines: Sequence[str]) -> str:
        ask = Ask(
            task="translate",
            input=msgspec.json.encode(lines).decode(),
            tenant_id=self._tenant,
            model=self._wanted.model,
            temperature=0.2,
            max_tokens=400 + TOKENS_A_LINE * len(lines),
            lang=self._wanted.language,
            deadline_s=180,
        )
        try:
            answer = await self._door.ask(ask)
        except Refused as no:
            raise Impossible(no.code, no.reason) from no
        if answer.provider == "template":
            raise _nobody(answer)
        self._answers.append(answer)
        return answer.output if isinstance(answer.output, str) else ""

    def told(self, made: Subtitled) -> Subtitled:
        last = self._answers[-1]
        usage = total(tuple(each.usage for each in self._answers))
        return replace(
            made,
            provider=last.provider,
            model_name=last.model_name,
            usage=used(usage),
            degraded=any(each.degraded for each in self._answers),
        )


def translated(text: str, count: int) -> list[str] | None:
    """None unless there is one line with words for each."""
    body = text.strip()
    if body.startswith("```"):
        body = body.partition("\n")[2].rpartition("```")[0]
    try:
        found = msgspec.json.decode(body, type=list[str])
    except (msgspec.DecodeError, UnicodeEncodeError):
        return None
    lines = [clean(line) for line in found]
    return lines if len(lines) == count and all(lines) else None


def used(usage: Usage) -> Used:
    cost = None if usage.cost is None else str(usage.cost)
    return Used(usage.prompt_tokens, usage.completion_tokens, cost, usage.currency)


def _nobody(answer: Answer) -> Exception:
    """A phrase of ours is no translation."""
    if answer.attempts:
        return TryLater("no_answer", answer.attempts[-1].reason or "no model answered")
    return Impossible(
        "no_model",
        "No AI model is set up here: set CONTENTOPS_AI_BASE_URL and "
        "CONTENTOPS_AI_MODEL, or upload the translation.",
    )
