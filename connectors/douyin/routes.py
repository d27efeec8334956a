"""Where Douyin's calls go, its limits and what its codes ask for: data only.

Collected from the open platform's pages (list of 2023-10, share pages of 2025) and
from field reports where those are silent; each entry says which.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from connectors.base import Limits, ReviewState
from connectors.errors import Reaction, by_code

LIMITS = Limits(
    title_max=30,
    text_max=1000,
    tags_max=5,
    tag_chars_max=200,
    tags_min=0,
    source="product limits in use (30 / 1000 / 5 topics), not in the open platform's "
    "pages; 200 characters of tags is our own bound on the length of a link",
    as_of=date(2026, 6, 1),
)

LINK_LIFE = timedelta(hours=1)
# a ticket or token that dies before the link made with it makes a dead link
TOKEN_RESERVE = timedelta(minutes=5)
TICKET_RESERVE = LINK_LIFE + TOKEN_RESERVE


@dataclass(frozen=True, slots=True)
class Routes:
    """Addresses of one environment; a sandbox overrides the base."""

    base: str = "https://open.douyin.com"
    client_token: str = "/oauth/client_token/"  # noqa: S105  a path
    ticket: str = "/open/getticket/"
    share_id: str = "/share-id/"
    video_data: str = "/api/douyin/v1/video/video_data/"
    schema: str = "snssdk1128://openplatform/share"


# Two official pages disagree whether 1 or 5 means published: both do here.
STATES: Mapping[int, ReviewState] = {
    1: ReviewState.published,
    5: ReviewState.published,
    2: ReviewState.rejected,
    4: ReviewState.reviewing,
    6: ReviewState.limited,
    7: ReviewState.limited,
}

CODES: Mapping[int, Reaction] = by_code(
    {
        Reaction.busy: (2100004, 28001005, 28001006),
        Reaction.rate: (28003018,),
        Reaction.quota: (28003017, 2190001, 2114007),
        Reaction.expired: (10008, 2190008, 2190002, 28001008, 28001003),
        Reaction.reauthorise: (10007, 10010, 10014, 10020, 2190003, 28001045),
        Reaction.setup: (
            *(10003, 10004, 10006, 10011, 10012, 10013, 10015, 10017),
            *(2190004, 28001012, 28001014, 28001018, 28001019, 28001020),
            *(28001021, 28001042, 28001056, 2100007, 2112001),
        ),
        Reaction.frozen: (
            *(2114005, 2100009, 2111001, 28001016, 2190016, 28001046),
            *(28001052,),
        ),
        Reaction.invalid: (
            *(10002, 10005, 2100005, 28001007, 2190005, 2190006, 2190007),
            *(2190015, 28001015, 2113001),
        ),
    }
)
