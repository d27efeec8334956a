"""A shadow run: requests of a period under a new routing, prompt or price list."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
from msgspec import Struct, structs
from psycopg import sql
from psycopg.rows import DictRow, dict_row
from rich.console import Console
from rich.table import Table

from ai_adapter.base import Ask, Spent, Task
from ai_adapter.errors import Misconfigured, Refused
from ai_adapter.gateway import Gateway
from ai_adapter.policies import DEFAULT, Policy
from ai_adapter.ports import BuiltInPrompts, Chosen, OnePolicy
from ai_adapter.price_book import Book
from ai_adapter.price_rows import read as price_sheet
from ai_adapter.price_rows import shipped
from ai_adapter.prompts.language import Unfillable, check
from ai_adapter.prompts.prompt import Prompt, stored
from ai_adapter.prompts.repository import built_in
from ai_adapter.registry import Target
from ai_adapter.shadow import (
    Bill,
    Line,
    Past,
    Shadow,
    Sum,
    Terms,
    lines,
    replayed,
    summed,
)
from infra.ai_endpoints import endpoints
from infra.ai_keys import ProviderKeys
from infra.problem import Stop
from infra.settings import Settings
from infra.wiring import Ports, ports
from schemas.clock import utc_now
from schemas.generation import Generated, GenerateInput
from schemas.prompts import PromptText
from streams.agents.ai import texts_of
from streams.agents.tooling import tool_of, wish_of
from streams.agents.work import Impossible

AT_ONCE = 4
REQUESTS = sql.SQL(
    """
    SELECT tenant, id, created_at, input, result FROM read.tasks
    WHERE kind = 'generate' AND status = 'completed' AND created_at >= %(since)s
      AND created_at < %(until)s AND (%(tenant)s = '' OR tenant = %(tenant)s)
    ORDER BY created_at DESC LIMIT %(most)s
    """
)


class Period(Struct, frozen=True):
    """Whose requests, from when to when, and how many at most (the newest)."""

    since: datetime
    until: datetime
    tenant: str = ""
    most: int = 1_000


class NewTerms(Struct, frozen=True):
    """Files with what is new; None = as it is."""

    policy: Path | None = None
    prompt: Path | None = None
    prices: Path | None = None


class NewPrompt(Struct, frozen=True):
    """What the file of a prompt holds: its name, and the words of a version."""

    name: str
    text: PromptText


class Report(Struct, frozen=True):
    """`left_out`: requests that cannot be asked again, and why."""

    asked: bool
    lines: tuple[Line, ...]
    paid: Sum
    would_pay: Sum
    left_out: dict[str, int]


def moment(text: str) -> datetime:
    """Now where nothing is given; a time without a zone is UTC."""
    if not text:
        return utc_now()
    try:
        found = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise Stop(f"{text!r} is no time; write 2026-11-23T08:00.", code=2) from wrong
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def run(
    settings: Settings, period: Period, new: NewTerms, *, ask: bool = False
) -> Report:
    """Raises Stop for a file that cannot be read; asks models only with `ask`."""
    return asyncio.run(_run(settings, period, terms(settings, new), ask=ask))


def terms(settings: Settings, new: NewTerms) -> Terms:
    if not any((new.policy, new.prompt, new.prices)):
        raise Stop("Nothing is new: give --policy, --prompt or --prices.", code=2)
    return Terms(
        endpoints=tuple(endpoints(settings)),
        prices=_prices(settings, new.prices),
        policy=_policy(new.policy) if new.policy else None,
        prompt=_prompt(new.prompt) if new.prompt else None,
    )


def _policy(path: Path) -> Policy:
    """A document as the routes take it: its name and version may be left out."""
    plain = {"name": path.stem, "version": 0}
    try:
        found = msgspec.json.decode(_bytes(path), type=dict[str, object])
        return msgspec.convert(plain | found, Policy)
    except msgspec.DecodeError as wrong:
        raise Stop(f"{path} is no policy: {wrong}.", code=2) from wrong


def _prompt(path: Path) -> Prompt:
    try:
        found = msgspec.json.decode(_bytes(path), type=NewPrompt)
        check(found.text)
    except (msgspec.DecodeError, Unfillable) as wrong:
        raise Stop(f"{path} is no prompt: {wrong}.", code=2) from wrong
    if found.name not in built_in():
        raise Stop(f"{path}: no task or tool has a prompt {found.name!r}.", code=2)
    return stored(found.name, 0, found.text, "shadow")


def _prices(settings: Settings, path: Path | None) -> Book:
    files = [each for each in (settings.ai_prices, path) if each is not None]
    try:
        sheets = [price_sheet(each) for each in files]
        return Book(shipped(), *sheets, billed=settings.billed)
    except (Misconfigured, OSError) as wrong:
        raise Stop(f"The price list cannot be used: {wrong}.", code=2) from wrong


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as wrong:
        raise Stop(f"{path} cannot be read: {wrong.strerror}.", code=2) from wrong


async def _run(
    settings: Settings, period: Period, terms: Terms, *, ask: bool
) -> Report:
    left_out: dict[str, int] = {}
    async with ports(settings, "owner") as opened:
        past = await _past(opened, period, left_out)
        shadows = _replayed(past, terms, left_out)
        if ask:
            async with _gateway(opened, settings, terms) as gateway:
                shadows = await _asked(gateway, shadows)
    return Report(
        asked=ask,
        lines=lines(shadows),
        paid=summed(each.past.bill for each in shadows),
        would_pay=summed(each.bill for each in shadows if not each.failed),
        left_out=left_out,
    )


async def _past(opened: Ports, period: Period, left_out: dict[str, int]) -> list[Past]:
    pool = await opened.pool(largest=1)
    async with pool.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        await cursor.execute(REQUESTS, structs.asdict(period))
        rows = await cursor.fetchall()
    found = []
    for row in rows:
        try:
            found.append(await _one(row, opened))
        except (Impossible, msgspec.ValidationError) as no:
            reason = no.code if isinstance(no, Impossible) else "unreadable"
            left_out[reason] = left_out.get(reason, 0) + 1
    return found


async def _one(row: DictRow, opened: Ports) -> Past:
    wanted = msgspec.convert(row["input"], GenerateInput)
    made = msgspec.convert(row["result"], Generated)
    used = made.usage
    return Past(
        id=row["id"],
        at=row["created_at"],
        ask=await _ask(row["tenant"], wanted, opened),
        bill=Bill(
            Target(made.provider, made.model_name),
            None if used.cost is None else Decimal(used.cost),
            used.currency,
        ),
        spent=Spent(
            made.model_name,
            used.prompt_tokens,
            used.completion_tokens,
            used.cached_tokens,
        ),
        texts=made.output,
    )


async def _ask(tenant: str, wanted: GenerateInput, opened: Ports) -> Ask:
    if wanted.tool:
        wish = await wish_of(wanted, opened.storage)
        return tool_of(wanted.tool).shape(wish, tenant)
    return Ask(
        task=msgspec.convert(wanted.task, Task),
        input=wanted.input,
        tenant_id=tenant,
        model=wanted.model,
        temperature=wanted.temperature,
        max_tokens=wanted.max_tokens,
        top_p=wanted.top_p,
        scene=wanted.scene,
        lang=wanted.lang,
        variants=wanted.variants,
        platform=wanted.platform,
        variables=wanted.variables,
    )


def _replayed(
    past: Sequence[Past], terms: Terms, left_out: dict[str, int]
) -> list[Shadow]:
    found = []
    for each in past:
        try:
            found.append(replayed(each, terms))
        except Refused as no:
            left_out[no.code] = left_out.get(no.code, 0) + 1
    return found


@asynccontextmanager
async def _gateway(
    opened: Ports, settings: Settings, terms: Terms
) -> AsyncIterator[Gateway]:
    gateway = Gateway(
        terms.endpoints,
        policies=OnePolicy(terms.policy or DEFAULT),
        keys=ProviderKeys(await opened.keyring()),
        prices=terms.prices,
        prompts=Words(terms.prompt),
        salt=settings.secret_for("ai:customers").encode(),
    )
    try:
        yield gateway
    finally:
        await gateway.close()


class Words(BuiltInPrompts):
    """One prompt in the place of what is built in."""

    def __init__(self, prompt: Prompt | None) -> None:
        self._prompt = prompt

    async def prompt(self, ask: Ask) -> Chosen:
        """Raises Refused with `tool_unknown`."""
        found = await super().prompt(ask)
        if self._prompt is None or found.prompt.name != self._prompt.name:
            return found
        return Chosen(self._prompt, ask)


async def _asked(gateway: Gateway, shadows: Sequence[Shadow]) -> list[Shadow]:
    """Each once, a few at a time; what the models say takes the estimate's place."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(shadow: Shadow) -> Shadow:
        async with room:
            return await _answered(gateway, shadow)

    return list(await asyncio.gather(*(one(each) for each in shadows)))


async def _answered(gateway: Gateway, shadow: Shadow) -> Shadow:
    try:
        answer = await gateway.ask(shadow.past.ask)
    except Refused as no:
        return structs.replace(shadow, failed=no.code)
    model = Target(answer.provider, answer.model_name)
    bill = Bill(model, answer.usage.cost, answer.usage.currency)
    texts = texts_of(answer.output)
    return structs.replace(shadow, bill=bill, estimated=False, texts=texts)


def console() -> Console:
    return Console(width=None if Console().is_terminal else 140)


def as_json(report: Report) -> str:
    return msgspec.json.format(msgspec.json.encode(report), indent=1).decode()


def show(report: Report, console: Console) -> None:
    """One line for each task that goes from one model to another, and the sum."""
    calls = sum(line.calls for line in report.lines)
    kind = "asked again" if report.asked else "routed and priced anew, none asked"
    table = Table(title=f"Shadow run: {calls} requests, {kind}", title_justify="left")
    for name in ("task", "model then", "model now"):
        table.add_column(name)
    for name in ("calls", "paid", "would pay", "text changed"):
        table.add_column(name, justify="right")
    for line in report.lines:
        table.add_row(*_cells(line))
    table.add_section()
    sums = (_money(report.paid), _money(report.would_pay))
    table.add_row("all", "", "", str(calls), *sums, "")
    console.print(table)
    for note in notes(report):
        console.print(note)


def _cells(line: Line) -> tuple[str, ...]:
    mark = " ~" if line.estimated else ""
    same = line.before == line.after
    return (
        line.task,
        line.before,
        "the same" if same else line.after,
        str(line.calls),
        _money(line.paid),
        _money(line.would_pay) + mark,
        "" if line.changed is None else f"{line.changed:.0%}",
    )


def _money(found: Sum) -> str:
    parts = [f"{cost:.6f} {currency}" for currency, cost in found.money.items()]
    if found.unknown:
        parts.append(f"? for {found.unknown}")
    return "\n".join(parts) or "0"


def notes(report: Report) -> list[str]:
    """What the reader must know to read the table rightly."""
    found = []
    if not report.asked:
        found.append("Tokens are those counted then; --ask asks the models and counts.")
    if any(line.estimated for line in report.lines):
        found.append("~ tokens that go in are estimated from the prompt's length.")
    if report.would_pay.unknown or report.paid.unknown:
        found.append(
            "? nobody knows the price, or a template answered and counted none."
        )
    for reason, count in sorted(report.left_out.items()):
        found.append(f"{count} left out: {reason}.")
    return found
