"""What a file is: the facts every plan, check and refusal is made from."""

from typing import Literal, TypeAlias

from msgspec import Struct

from media_agents.labelling import Labels

Kind: TypeAlias = Literal["video", "audio", "image"]


class Sound(Struct, frozen=True, kw_only=True):
    """One track; `language` as the file says it (ISO 639), empty where it does not."""

    index: int
    codec: str
    profile: str = ""
    channels: int
    layout: str = ""
    sample_rate: int = 0
    bit_rate: int = 0
    language: str = ""
    title: str = ""
    default: bool = False


class Caption(Struct, frozen=True, kw_only=True):
    """A subtitle track that lies in the file; `text` = it is not made of pictures."""

    index: int
    codec: str
    language: str = ""
    title: str = ""
    text: bool = True


class Loudness(Struct, frozen=True, kw_only=True):
    """EBU R128: `lufs` of the whole, `lra` its range, `peak_db` the true peak (dBTP).

    Silence has -70 LUFS, the gate of the standard.
    """

    lufs: float
    lra: float
    peak_db: float


class Facts(Struct, frozen=True, kw_only=True):
    """Width and height are those seen after rotation; `sar` goes with them.

    `sounds` begins with the track that counts. `key_gap_s` is the longest way from one
    key frame to the next, `frame_rate` a fraction, rates in bits a second; `trimmed`
    when packets lie in the file that are not to be shown. Of a file without moving
    picture the fields about pictures are empty; an image has no length.
    """

    kind: Kind = "video"
    duration_ms: int = 0
    width: int = 0
    height: int = 0
    rotation: int = 0
    sar: str = "1:1"
    fps: float = 0.0
    frame_rate: str = "0/1"
    vfr: bool = False
    frames: int = 0
    video_codec: str = ""
    video_profile: str = ""
    level: int = 0
    bit_depth: int = 8
    video_bit_rate: int = 0
    key_gap_s: float = 0.0
    bit_rate: int = 0
    bytes: int = 0
    container: str = ""
    pix_fmt: str = ""
    color_space: str = ""
    color_transfer: str = ""
    color_primaries: str = ""
    color_range: str = ""
    hdr: bool = False
    interlaced: bool = False
    video_index: int = -1
    sounds: tuple[Sound, ...] = ()
    captions: tuple[Caption, ...] = ()
    edit_list: bool = False
    trimmed: bool = False
    fast_start: bool = False
    labels: Labels = Labels()

    @property
    def sound(self) -> Sound | None:
        return self.sounds[0] if self.sounds else None

    @property
    def seconds(self) -> float:
        return self.duration_ms / 1000
