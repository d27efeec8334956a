"""Where Bilibili's calls go, its limits and what its codes ask for: data only.

Collected from the open platform's pages and its official demos (2026-02), and from
field reports where those are silent; each entry says which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from connectors.base import Limits, ReviewState
from connectors.errors import Reaction, by_code

LIMITS = Limits(
    title_max=79,
    text_max=249,
    tags_max=10,
    tag_chars_max=199,
    tags_min=1,
    source="open.bilibili.com archive submit: title < 80, desc < 250, tags < 200 "
    "characters together; ten tags is the web form's rule, not in the API pages",
    as_of=date(2026, 2, 1),
)

PART_BYTES = 8 * 1024 * 1024  # fixed by the upload page, the last part may be shorter
VIDEO_BYTES_MAX = 4 * 1024**3
COVER_BYTES_MAX = 5 * 1024 * 1024
CLOCK_WINDOW = timedelta(minutes=10)
LIST_PAGE = 20


@dataclass(frozen=True, slots=True)
class Routes:
    """Addresses of one environment; a sandbox overrides the two bases."""

    base: str = "https://member.bilibili.com"
    upload: str = "https://openupos.bilivideo.com"
    init: str = "/arcopen/fn/archive/video/init"
    part: str = "/video/v2/part/upload"
    complete: str = "/arcopen/fn/archive/video/complete"
    cover: str = "/arcopen/fn/archive/cover/upload"
    categories: str = "/arcopen/fn/archive/type/list"
    submit: str = "/arcopen/fn/archive/add-by-utoken"
    view: str = "/arcopen/fn/archive/view"
    recent: str = "/arcopen/fn/archive/viewlist"
    stats: str = "/arcopen/fn/data/arc/stat"
    public: str = "https://www.bilibili.com/video/"


STATES: Mapping[int, ReviewState] = {
    0: ReviewState.published,
    1: ReviewState.published,
    -1: ReviewState.reviewing,
    -6: ReviewState.reviewing,
    -7: ReviewState.reviewing,
    -8: ReviewState.reviewing,
    -10: ReviewState.reviewing,
    -13: ReviewState.reviewing,
    -15: ReviewState.reviewing,
    -30: ReviewState.reviewing,
    -9: ReviewState.processing,
    -20: ReviewState.processing,
    -2: ReviewState.rejected,
    -3: ReviewState.rejected,
    -4: ReviewState.rejected,
    -5: ReviewState.rejected,
    -11: ReviewState.failed,
    -12: ReviewState.failed,
    -16: ReviewState.failed,
    -40: ReviewState.limited,
    -50: ReviewState.limited,
    -14: ReviewState.deleted,
    -100: ReviewState.deleted,
}

CODES: Mapping[int, Reaction] = by_code(
    {
        Reaction.busy: (
            *(-500, 4010, 4011, 122009, 122010, 123002, 123023, 123028, 123039),
            *(123044, 129020, 129021, 130004, 130005, 130006, 131001),
            *(141002, 141003, 141005, 127200, 127201),
        ),
        Reaction.rate: (127009, 127306, 123026),
        Reaction.quota: (123029, 123036, 123037, 129009, 129012, 129018),
        Reaction.restart: (127022,),
        Reaction.expired: (
            *(122002, 122008, 127000, 127001, 127002, 127003, 127004, 127008),
            *(127023, 127012),
        ),
        Reaction.reauthorise: (122007, 127011),
        Reaction.setup: (
            *(122000, 122001, 4002, 4003, 123001, 127005, 127006, 127007, 127010),
            *(127304, 127305, 130001, 4012, 123003, 123027, 123034, 123042),
        ),
        Reaction.invalid: (
            *(4000, 4001, *range(4005, 4010), 123006, 123008, 123009, 123010),
            *(123012, 123013, 123014, *range(123016, 123023), 123024, 123030),
            *(123033, 123038, *range(123045, 123057), *range(129002, 129007)),
            *(129010, 129022, 130003, 130007, 127100, 127102, 127207),
        ),
        Reaction.conflict: (4004, 123007, 123015, 123035, 123043, 129000, 129015),
        Reaction.missing: (
            *(123004, 123005, 123011, 123040, 123041, 129001, 130002, 141004),
            *(127107, 127124),
        ),
    }
)
