"""Facts as events and rows tell them."""

from media_agents.facts import Caption, Facts, Loudness, Sound
from schemas.jobs import CaptionFacts, MediaFacts, SoundFacts


def media_facts(facts: Facts, heard: Loudness | None = None) -> MediaFacts:
    sound = facts.sound
    return MediaFacts(
        duration_ms=facts.duration_ms,
        width=facts.width,
        height=facts.height,
        fps=facts.fps,
        video_codec=facts.video_codec,
        audio_codec=sound.codec if sound else "",
        channels=sound.channels if sound else 0,
        bit_rate=facts.bit_rate,
        container=facts.container,
        kind=facts.kind,
        rotation=facts.rotation,
        sar=facts.sar,
        vfr=facts.vfr,
        hdr=facts.hdr,
        interlaced=facts.interlaced,
        frames=facts.frames,
        pix_fmt=facts.pix_fmt,
        video_profile=facts.video_profile,
        video_bit_rate=facts.video_bit_rate,
        key_gap_s=facts.key_gap_s,
        sounds=tuple(_sound(each) for each in facts.sounds),
        captions=tuple(_caption(each) for each in facts.captions),
        lufs=heard.lufs if heard else None,
        lra=heard.lra if heard else None,
        peak_db=heard.peak_db if heard else None,
        ai=bool(facts.labels.aigc),
    )


def _sound(sound: Sound) -> SoundFacts:
    return SoundFacts(
        codec=sound.codec,
        channels=sound.channels,
        layout=sound.layout,
        sample_rate=sound.sample_rate,
        bit_rate=sound.bit_rate,
        language=sound.language,
        title=sound.title,
    )


def _caption(caption: Caption) -> CaptionFacts:
    return CaptionFacts(
        codec=caption.codec,
        language=caption.language,
        title=caption.title,
        text=caption.text,
    )
