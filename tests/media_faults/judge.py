"""What may never be seen of a media job, whatever went wrong while it ran.

Pure questions about what lies in the store, what the read model says, what the log
has and what is left on the machine; each answer is a list of findings in words.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Literal

from msgspec import Struct, field

from media_agents.playlists import read_segments, references

HASH = re.compile(r"-([0-9a-f]{16})(?=\.\w+$)")
SHOWN = ("mp4_key", "hls_key", "cover_key", "thumbnails_key", "waveform_key")
# So much may be made again after an interruption, per job.
PIECES_AGAIN = 1
REAPED_S = 2.0


class Seen(Struct, kw_only=True):
    """One job when all is quiet; names are relative to the video's own prefix.

    `bodies` is all that lies there, `row` what the read model shows, `ended` the
    results on the log, `reaped_s` from a stop to the end of the child that worked. Of
    an asset only its facts are published.
    """

    kind: Literal["asset", "video"] = "video"
    bodies: dict[str, bytes] = field(default_factory=dict)
    row: dict[str, object] = field(default_factory=dict)
    wanted: str = "ready"
    ended: int = 1
    starts: dict[int, int] = field(default_factory=dict)
    reaped_s: float | None = None
    source_kept: bool = True
    usual: Collection[str] = ()


class Findings(Struct):
    """`left` are orphans and folders; `other` whatever else is not as promised."""

    incomplete: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        kinds = (self.incomplete, self.doubled, self.again, self.late)
        return [each for kind in (*kinds, self.orphans, self.folders, self.other)
                for each in kind]  # fmt: skip


def judge(seen: Seen, prefix: str) -> Findings:
    """`prefix` is the video's, with a slash; keys in the row begin with it."""
    names, found = set(seen.bodies), Findings()
    if seen.kind == "video":
        found.incomplete += unfinished(seen.bodies, seen.row, prefix, seen.usual)
    elif seen.row.get("status") == "ready" and not seen.row.get("facts"):
        found.incomplete.append("it is ready without facts")
    found.incomplete += broken(seen.bodies)
    found.doubled += twice(seen)
    found.again += made_again(seen.starts)
    if seen.reaped_s is not None and seen.reaped_s > REAPED_S:
        found.late.append(f"its child was reaped {seen.reaped_s:.1f} s after the stop")
    if not seen.source_kept:
        found.other.append("the uploaded file is not what it was")
    if seen.wanted == "ready" and not seen.ended:
        found.other.append("the log has no result of its job")
    if seen.row.get("status") != seen.wanted:
        found.other.append(f"it is {seen.row.get('status')}, not {seen.wanted}")
    if seen.usual and seen.row.get("status") == "ready" and names != set(seen.usual):
        odd = sorted(names ^ set(seen.usual))
        found.other.append(f"an undisturbed run makes other files: {odd}")
    return found


def unfinished(
    bodies: Mapping[str, bytes],
    row: Mapping[str, object],
    prefix: str,
    usual: Collection[str] = (),
) -> list[str]:
    """Of bodies only the playlists are read, so that it can be asked all the time."""
    named = reached(bodies)
    missing = sorted(named - set(bodies))
    found = [f"{name} is published, but not there" for name in missing]
    if named:
        late = sorted(set(usual) - set(bodies) - named)
        found += [f"a master is published before {name}" for name in late]
    if row.get("status") == "ready":
        found += _not_ready(set(bodies), row, prefix)
    return found


def _not_ready(
    names: Collection[str], row: Mapping[str, object], prefix: str
) -> list[str]:
    shown = {str(row[each]).removeprefix(prefix) for each in SHOWN if row.get(each)}
    found = [f"it is ready without {each}" for each in sorted(shown - set(names))]
    if not all(row.get(each) for each in SHOWN[:3]):
        found.append("it is ready and does not say where its files are")
    return found


def broken(bodies: Mapping[str, bytes]) -> list[str]:
    """A name carries a hash of what is in it; a playlist names what is there."""
    found = [f"{name} is not what it was" for name in bodies if not whole(name, bodies)]
    for name, body in bodies.items():
        if name.endswith(".m3u8") and not name.startswith("master-"):
            found += _outside(name, body.decode(), bodies)
    return found


def whole(name: str, bodies: Mapping[str, bytes]) -> bool:
    said = HASH.search(name)
    return said is None or hashlib.sha256(bodies[name]).hexdigest()[:16] == said[1]


def reached(bodies: Mapping[str, bytes]) -> set[str]:
    """Every name that a published master leads to."""
    found: set[str] = set()
    waiting = [each for each in bodies if each.startswith("master-")]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        if name.endswith(".m3u8") and name in bodies:
            waiting += references(bodies[name].decode())
    return found


def _outside(name: str, text: str, bodies: Mapping[str, bytes]) -> list[str]:
    if "#EXT-X-MAP" not in text:
        return []
    sizes = [len(bodies[each]) for each in references(text) if each in bodies]
    ends = [each.offset + each.size for each in read_segments(text)]
    short = bool(sizes) and max(ends, default=0) > max(sizes)
    return [f"{name} names bytes that are not there"] if short else []


def twice(seen: Seen) -> list[str]:
    """One end per job, one master per video, and nothing that nobody leads to."""
    found = [f"its job ended {seen.ended} times"] if seen.ended > 1 else []
    masters = [each for each in seen.bodies if each.startswith("master-")]
    if len(masters) > 1:
        found.append(f"{len(masters)} masters are published")
    kinds = Counter(HASH.sub("", each) for each in seen.bodies if HASH.search(each))
    found += [
        f"{kind} is there {many} times" for kind, many in kinds.items() if many > 1
    ]
    return found


def made_again(starts: Mapping[int, int]) -> list[str]:
    again = sum(many - 1 for many in starts.values())
    return [f"{again} pieces were made again"] if again > PIECES_AGAIN else []


def orphans(lines: Iterable[str]) -> list[str]:
    return [f"still running: {each[:120]}" for each in lines]


def folders(names: Iterable[str]) -> list[str]:
    return [f"left on the scratch disk: {each}" for each in sorted(names)]
