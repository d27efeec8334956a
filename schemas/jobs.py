"""What a job is given and what it answers, one pair of shapes per kind of work."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from schemas.batches import Batched, BatchInput
from schemas.generation import Generated as Generated  # noqa: PLC0414  of a job, too
from schemas.generation import GenerateInput as GenerateInput  # noqa: PLC0414
from schemas.generation import Usage as Usage  # noqa: PLC0414
from schemas.pictures import Imaged, ImagesInput
from schemas.publishing import MetricsInput, PublishInput, ReviewInput, SettleInput
from schemas.timeline import Cue, Material, Timeline
from schemas.vectors import EmbedInput, Vectored


class Spent(Struct, frozen=True):
    """What one attempt used up: of this machine, of the source, and in renditions.

    `weighted_seconds` count a second of 1080p at 30 frames as one.
    """

    cpu_seconds: float = 0.0
    media_seconds: float = 0.0
    weighted_seconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0


class SoundFacts(Struct, frozen=True):
    """One track of sound; `language` as the file says it (ISO 639)."""

    codec: str
    channels: int = 0
    layout: str = ""
    sample_rate: int = 0
    bit_rate: int = 0
    language: str = ""
    title: str = ""


class CaptionFacts(Struct, frozen=True):
    """One track of subtitles that lies in the file."""

    codec: str
    language: str = ""
    title: str = ""
    text: bool = True


class MediaFacts(Struct, frozen=True):
    """What a file is; width and height are as shown, rotation applied.

    `sar` is the shape of one pixel, `lufs` and the rest are of the first track, None
    where there is no sound or nobody listened. `ai`: it says that a machine made it.
    """

    duration_ms: int
    width: int
    height: int
    fps: float
    video_codec: str
    audio_codec: str = ""
    channels: int = 0
    bit_rate: int = 0
    container: str = ""
    kind: str = "video"
    rotation: int = 0
    sar: str = "1:1"
    vfr: bool = False
    hdr: bool = False
    interlaced: bool = False
    frames: int = 0
    pix_fmt: str = ""
    video_profile: str = ""
    video_bit_rate: int = 0
    key_gap_s: float = 0.0
    sounds: tuple[SoundFacts, ...] = ()
    captions: tuple[CaptionFacts, ...] = ()
    lufs: float | None = None
    lra: float | None = None
    peak_db: float | None = None
    ai: bool = False


class Rendition(Struct, frozen=True):
    name: str
    width: int
    height: int
    bit_rate: int


class SubtitleText(Struct, frozen=True):
    """One version of what is shown in one language; the cues lie in the store.

    `source` is asr, script, upload, edit or translation; `confidence` is exact (a
    person's own words), high or low; `faults` counts cues that are hard to read.
    """

    language: str
    object_key: str
    sha256: str
    count: int
    source: str
    confidence: str = "exact"
    faults: int = 0
    number: int = 0


class FetchInput(Struct, frozen=True, tag="fetch"):
    source: str
    object_key: str


class ProbeInput(Struct, frozen=True, tag="probe"):
    """`number` says which body of the asset this is."""

    object_key: str
    sha256: str
    number: int = 1


class PurgeInput(Struct, frozen=True, tag="purge"):
    """Delete these objects, everything of these videos and sets of pictures.

    And of the asset whatever is kept for it alone: its subtitles.
    """

    object_keys: tuple[str, ...]
    video_ids: tuple[str, ...] = ()
    image_ids: tuple[str, ...] = ()
    asset_id: str = ""


class TranscodeInput(Struct, frozen=True, tag="transcode"):
    """`public`: anybody may have what is made, without a signed address."""

    video_id: str
    object_key: str
    sha256: str
    profiles: tuple[str, ...]
    needs: tuple[str, ...] = ()
    burn: SubtitleText | None = None
    public: bool = False


class RenderInput(Struct, frozen=True, tag="render"):
    """Make a film of a document; the asset it becomes a body of names its place."""

    render_id: str
    asset_id: str
    document: Timeline
    materials: tuple[Material, ...]
    destination: str = ""


class SubtitleInput(Struct, frozen=True, tag="subtitle"):
    """Hear what is said (`asr`), or find when a known `script` is said."""

    asset_id: str
    object_key: str
    sha256: str
    language: str
    source: str
    script_key: str = ""
    script_sha256: str = ""


class TranslateInput(Struct, frozen=True, tag="translate"):
    """`upright`: the picture is higher than wide, so lines are shorter."""

    asset_id: str
    text: SubtitleText
    language: str
    model: str = "auto"
    upright: bool = False


class CaptionInput(Struct, frozen=True, tag="caption"):
    """Put words into the files of a finished video, as tracks beside the picture."""

    video_id: str
    mp4_key: str
    hls_key: str
    texts: tuple[SubtitleText, ...]


class RemakeInput(Struct, frozen=True, tag="remake"):
    """Make the rendition `name` of a finished video again, as it was wished for.

    The keys are of its files without the words (`texts`) beside the picture; what is
    shown is with them.
    """

    name: str
    wish: TranscodeInput
    mp4_key: str
    hls_key: str
    shown_mp4: str
    shown_hls: str
    renditions: tuple[Rendition, ...]
    texts: tuple[SubtitleText, ...] = ()


JobInput: TypeAlias = (
    FetchInput
    | ProbeInput
    | PurgeInput
    | TranscodeInput
    | ImagesInput
    | RenderInput
    | SubtitleInput
    | TranslateInput
    | CaptionInput
    | RemakeInput
    | GenerateInput
    | BatchInput
    | PublishInput
    | SettleInput
    | ReviewInput
    | MetricsInput
    | EmbedInput
)


class Fetched(Struct, frozen=True, tag="fetched"):
    object_key: str
    size: int
    sha256: str
    content_type: str


class Probed(Struct, frozen=True, tag="probed"):
    facts: MediaFacts
    number: int = 1


class Cover(Struct, frozen=True):
    """A picture of the moment `at` (seconds) that may stand for the video."""

    key: str
    at: float
    score: float = 0.0


class Transcoded(Struct, frozen=True, tag="transcoded"):
    """`covers` best first; `thumbnails_key` is WebVTT that names parts of sheets.

    Equal recipe keys make equal bytes.
    """

    video_id: str
    mp4_key: str
    hls_key: str
    cover_key: str
    facts: MediaFacts
    renditions: tuple[Rendition, ...]
    source_seconds: float
    covers: tuple[Cover, ...] = ()
    thumbnails_key: str = ""
    waveform_key: str = ""
    recipe_key: str = ""


class Remade(Struct, frozen=True, tag="remade"):
    """`files` are those of the rendition; `facts` None: the whole MP4 is as it was.

    Keys of what is shown are with the words beside the picture.
    """

    video_id: str
    name: str
    mp4_key: str
    hls_key: str
    shown_mp4: str
    shown_hls: str
    files: tuple[str, ...]
    facts: MediaFacts | None = None
    recipe_key: str = ""


class Rendered(Struct, frozen=True, tag="rendered"):
    """`cues` are the spoken sentences; weighted seconds are those of 1080p30."""

    render_id: str
    asset_id: str
    object_key: str
    size: int
    sha256: str
    content_type: str
    facts: MediaFacts
    cues: tuple[Cue, ...] = ()
    weighted_seconds: float = 0.0


class Subtitled(Struct, frozen=True, tag="subtitled"):
    """`provider` and `model_name` are empty where no service was asked."""

    text: SubtitleText
    provider: str = ""
    model_name: str = ""
    usage: Usage = Usage()
    degraded: bool = False


class Captioned(Struct, frozen=True, tag="captioned"):
    video_id: str
    mp4_key: str
    hls_key: str
    texts: tuple[SubtitleText, ...]


class Settled(Struct, frozen=True, tag="settled"):
    """The work told its own stream what happened; nothing else to report."""

    outcome: str


JobResult: TypeAlias = (
    Fetched
    | Probed
    | Transcoded
    | Remade
    | Rendered
    | Imaged
    | Subtitled
    | Captioned
    | Generated
    | Batched
    | Settled
    | Vectored
)


class Evidence(Struct, frozen=True):
    """A fact of another stream that a decision relied on."""

    what: str
    event_id: str
    version: int


class Sealed(Struct, frozen=True):
    """Personal data under a key that can be destroyed (AES-256-GCM, base64)."""

    key_id: str
    nonce: str
    cipher: str


class Schedule(Struct, frozen=True):
    """The wish in local time with its zone, and the instant derived from it.

    After `not_after` it must not happen any more; None = the installation's patience.
    """

    at: datetime
    local: str
    timezone: str
    not_after: datetime | None = None
