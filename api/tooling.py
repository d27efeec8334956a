"""Tools at the edge: what a client sent becomes a typed wish, or a problem."""

from collections.abc import Mapping

from msgspec import json, structs

from ai_adapter.registry import TOOLS
from ai_adapter.tools.tool import AnyTool, Wish
from ai_adapter.tools.wishes import BadWish, wished
from api.asking import LONGEST, job_of
from api.problems import invalid, missing
from api.terms import Terms
from api.writes import Write
from schemas.commands.job import RequestJob
from schemas.ids import derived
from schemas.registry import encode
from streams.agents.tooling import asking_for

REMEDY = "Read the input schema in GET /api/v1/ai/tools/{} and send that."


def known(name: str, pointer: str = "") -> AnyTool:
    """Raises Problem 404."""
    if name not in TOOLS:
        raise missing("tool", pointer)
    return TOOLS[name]


def read_wish(tool: AnyTool, document: Mapping[str, object]) -> Wish:
    """Raises the 422 that names the field."""
    try:
        return wished(tool, document)
    except BadWish as wrong:
        remedy = REMEDY.format(tool.name)
        raise invalid(wrong.pointer, wrong.reason, remedy) from wrong


async def tool_job(
    write: Write, tool: AnyTool, wish: Wish, terms: Terms | None
) -> RequestJob:
    """A job of the AI workers; without terms it is run by the edge itself."""
    given = await asking_for(tool, wish, write.who.tenant, write.parts.storage)
    job = RequestJob(
        role="direct",
        subject=f"job/{job_of(write)}",
        input=given,
        digest=derived("digest", encode(given).decode()),
        deadline=write.parts.clock() + LONGEST,
        requested_by=write.who.auth_id,
    )
    return job if terms is None else with_terms(job, terms)


def with_terms(job: RequestJob, terms: Terms) -> RequestJob:
    return structs.replace(
        job,
        role="ai",
        priority=terms.priority,
        not_before=terms.not_before,
        deadline=terms.deadline,
        after=terms.after,
        reuse_days=terms.reuse_days,
    )


def document(text: str) -> dict[str, object]:
    """A result as the object it is."""
    found: dict[str, object] = json.decode(text, type=dict)
    return found
