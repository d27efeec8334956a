"""Rules of a lead."""

from msgspec import Struct

from schemas.commands.lead import LeadCommand
from schemas.events.lead import LeadCaptured, LeadEvent


class Lead(Struct, frozen=True):
    captured: bool = False


initial = Lead()


def decide(command: LeadCommand, lead: Lead) -> LeadEvent | None:
    """A second click of the same person on the same form is not a second lead."""
    if lead.captured:
        return None
    return LeadCaptured(
        page_id=command.page_id,
        publication_id=command.publication_id,
        source=command.source,
        subject_id=command.subject_id,
        contact=command.contact,
    )


def evolve(_lead: Lead, _event: LeadEvent) -> Lead:
    return Lead(captured=True)
