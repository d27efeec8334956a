"""Rules of a landing page."""

from msgspec import Struct

from schemas.commands.lead import PageCommand
from schemas.events.lead import PageCreated, PageEvent
from streams.domain.rejected import exists


class Page(Struct, frozen=True):
    created: PageCreated | None = None


initial = Page()


def decide(command: PageCommand, page: Page) -> PageEvent | None:
    wanted = PageCreated(
        publication_id=command.publication_id,
        code=command.code,
        title=command.title,
        video_id=command.video_id,
    )
    if page.created not in (None, wanted):
        raise exists("page")
    return wanted if page.created is None else None


def evolve(_page: Page, event: PageEvent) -> Page:
    return Page(created=event)
