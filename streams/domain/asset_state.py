"""What an asset is: its bodies, the videos made of them, how it is found and kept."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from schemas.events.asset import (
    AssetComposed,
    AssetDescribed,
    AssetImportRequested,
    AssetPresigned,
    AssetTrashed,
    AssetUploaded,
    AssetVersionPresigned,
)
from schemas.jobs import MediaFacts, Rendition, SubtitleText, TranscodeInput
from streams.domain.rejected import missing

Opened: TypeAlias = (
    AssetPresigned | AssetVersionPresigned | AssetImportRequested | AssetComposed
)


class Body(Struct, frozen=True):
    """Announced, then in the store or given up, then usable or refused."""

    opened: Opened
    uploaded: AssetUploaded | None = None
    facts: MediaFacts | None = None
    refused: str = ""
    abandoned: bool = False

    @property
    def judged(self) -> bool:
        return self.facts is not None or bool(self.refused)


class Film(Struct, frozen=True):
    """A video as it was wished for and, once finished, is.

    `shown` are its files (MP4, HLS) with the words (`texts`) beside its picture;
    `remaking` is the rendition that is being made again.
    """

    wish: TranscodeInput
    renditions: tuple[Rendition, ...] = ()
    shown: tuple[str, str] = ("", "")
    texts: tuple[SubtitleText, ...] = ()
    remaking: str = ""


class Asset(Struct, frozen=True):
    """`videos` maps a video id to True once it has ended, well or badly; `covers` to
    the pictures that may stand for it, the one that does first; `made` to its files
    (MP4, HLS) as they were made. `images` are sets of pictures, likewise; `wished` is
    a video's set that is to give it a cover, until another one is chosen.

    `current` is the number of the body that counts, 0 before the first arrived.
    `captions` has the words that are being put beside a video's picture, and `told` the
    jobs that did so, or made a rendition again, and have ended. `films` are the videos.
    """

    bodies: tuple[Body, ...] = ()
    current: int = 0
    videos: dict[str, bool] = {}
    covers: dict[str, tuple[str, ...]] = {}
    made: dict[str, tuple[str, str]] = {}
    images: dict[str, bool] = {}
    wished: dict[str, str] = {}
    described: AssetDescribed = AssetDescribed()
    until: datetime | None = None
    trashed: AssetTrashed | None = None
    purged: bool = False
    captions: dict[str, tuple[SubtitleText, ...]] = {}
    told: frozenset[str] = frozenset()
    films: dict[str, Film] = {}

    @property
    def project_id(self) -> str:
        """It was named when the first body was announced."""
        opened = self.bodies[0].opened
        return "" if isinstance(opened, AssetVersionPresigned) else opened.project_id

    def has(self, number: int) -> bool:
        return 1 <= number <= len(self.bodies)

    def body(self, number: int) -> Body:
        """Raises Rejected where there is none of this number."""
        if not self.has(number):
            raise missing("version")
        return self.bodies[number - 1]

    def with_body(self, number: int, body: Body) -> "Asset":
        bodies = list(self.bodies)
        bodies[number - 1] = body
        return replace(self, bodies=tuple(bodies))

    def with_film(self, video_id: str, film: Film) -> "Asset":
        return replace(self, films={**self.films, video_id: film})
