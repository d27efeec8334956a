"""The rules of every aggregate, by name."""

from typing import Protocol, cast

from msgspec import Struct

from streams.domain import (
    account,
    asset,
    budget,
    chain,
    copy,
    experiment,
    exposure,
    job,
    key,
    lead,
    model,
    moderation,
    page,
    policy,
    project,
    prompt,
    publication,
    run,
    service,
    subtitle,
    tenant,
    timeline,
    user,
    wordlist,
)


class Rules(Protocol):
    """decide(command, state) -> event or None, or Rejected; evolve; initial.

    Each module types its own commands, events and state; here they meet as structs.
    """

    initial: Struct

    @staticmethod
    def decide(command: Struct, state: Struct, /) -> Struct | None: ...

    @staticmethod
    def evolve(state: Struct, event: Struct, /) -> Struct: ...


RULES: dict[str, Rules] = {
    name: cast(Rules, module)
    for name, module in {
        "tenant": tenant,
        "user": user,
        "key": key,
        "project": project,
        "copy": copy,
        "asset": asset,
        "timeline": timeline,
        "subtitle": subtitle,
        "job": job,
        "account": account,
        "publication": publication,
        "page": page,
        "lead": lead,
        "budget": budget,
        "policy": policy,
        "moderation": moderation,
        "wordlist": wordlist,
        "prompt": prompt,
        "chain": chain,
        "run": run,
        "model": model,
        "service": service,
        "experiment": experiment,
        "exposure": exposure,
    }.items()
}
