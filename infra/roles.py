"""One function per role: builds its ports from the settings and runs until told."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import structlog

from infra import telemetry, topics
from infra.problem import Stop
from infra.settings import PREFIX, Settings
from schemas.clock import utc_now
from streams import faults
from streams.parking import TooManyParked
from streams.reading import LogChanged

if TYPE_CHECKING:
    from infra.wiring import Ports
    from schemas.jobs import JobInput
    from streams.agents.answers import Answers
    from streams.agents.work import Work
    from streams.runtime import Bells


# On a machine that all roles share, whoever asks is answered first and the others
# catch up: the processor is theirs whenever the edge leaves it.
NICENESS = 5
EDGE = "api"


def run(role: str, settings: Settings) -> None:
    """Blocks until SIGTERM or SIGINT; raises Stop for an unknown role."""
    start = ROLES.get(role)
    if start is None:
        raise Stop(f"There is no role {role}: use one of {', '.join(ROLES)}.")
    if role != EDGE:
        _stand_back()
    telemetry.start(settings, role)
    arm(settings.fault)
    topics.refuse_drift(settings)
    try:
        start(settings)
    except (LogChanged, TooManyParked) as wrong:
        raise Stop(str(wrong)) from wrong


def _stand_back() -> None:
    """Linux weighs sessions against each other before processes: see autogroup(7)."""
    os.nice(NICENESS)
    if os.getsid(0) == os.getpid():
        with suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(NICENESS))


def arm(fault: str | None) -> None:
    """Arm one fault point; says so loudly, raises Stop for a wrong setting."""
    try:
        faults.arm(fault)
    except ValueError as wrong:
        raise Stop(f"{PREFIX}FAULT: {wrong}.", code=2) from None
    if fault:
        words = "A fault is armed: this process will end itself there."
        structlog.get_logger().critical(words, action="arm", fault=fault)


def _stop() -> threading.Event:
    """Set by SIGTERM and SIGINT; blocking loops look at it between batches."""
    stop = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stop.set())
    return stop


def _until_stopped(
    work: Callable[[asyncio.Event], Coroutine[None, None, None]],
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    async def main() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        await work(stop)

    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(main())


def decider(settings: Settings) -> None:
    from streams.deciding import Decider

    Decider(
        settings.need("kafka"),
        utc_now,
        ordinal=settings.ordinal,
        postgres=settings.dsn("worker") if settings.postgres else None,
    ).run(_stop())


def reactor(settings: Settings) -> None:
    from streams import reactor as role
    from streams.reactions import embed_texts
    from streams.reactions.registry import REACTIONS

    reactions = dict(REACTIONS)
    if settings.embed_texts:
        reactions[embed_texts.NAME] = embed_texts.react
    role.run(
        settings.need("kafka"), settings.dsn("worker"), reactions, utc_now, _stop()
    )


def inbound(settings: Settings) -> None:
    from connectors import registry
    from infra.wiring import ports
    from streams import inbound as role

    async def work(stop: asyncio.Event) -> None:
        async with ports(settings, "worker") as opened:
            await role.run(
                settings.need("kafka"),
                settings.dsn("worker"),
                await opened.keyring(),
                registry.webhooks,
                utc_now,
                stop,
            )

    _until_stopped(work)


def projector(settings: Settings) -> None:
    from projections import runner

    source = runner.Source(
        kafka=settings.need("kafka"),
        postgres=settings.dsn("projector"),
        ordinal=settings.ordinal,
    )
    runner.run(source, _stop())


def sink(settings: Settings) -> None:
    from infra.sources import sink_source
    from projections import feeding

    feeding.run(sink_source(settings), _stop())


def indexer(settings: Settings) -> None:
    from infra.sources import index_source
    from projections import indexing

    indexing.run(index_source(settings), _stop())


def dispatcher(settings: Settings) -> None:
    """Also tells how far all readers are, when somebody asks for its metrics."""
    from prometheus_client import REGISTRY

    from infra.gauges import Gauges
    from streams import dispatcher as role

    if settings.metrics_port is not None:
        REGISTRY.register(Gauges(settings.need("kafka"), settings.dsn("worker")))

    async def work(stop: asyncio.Event) -> None:
        await role.run(
            settings.need("kafka"),
            settings.dsn("worker"),
            utc_now,
            stop,
            grace_s=settings.missed_after_s,
        )

    _until_stopped(work)


def auditor(settings: Settings) -> None:
    from streams import audit as role

    source = role.Source(
        kafka=settings.need("kafka"),
        postgres=settings.dsn("worker"),
        folder=settings.audit_folder,
        seed=settings.audit_seed(),
        every_s=settings.audit_every_s,
    )
    role.run(source, utc_now, _stop())


def worker_ai(settings: Settings) -> None:
    async def work(ports: "Ports", answers: "Answers") -> "Works":
        from ai_adapter.embedding.embedder import Local
        from infra.ai_ports import around
        from infra.wiring import tool_services
        from media_agents.subtitles.translating import Translating
        from media_agents.tool_services import ServiceCalls
        from schemas.batches import BatchInput
        from schemas.jobs import GenerateInput, TranslateInput
        from schemas.vectors import EmbedInput
        from streams.agents.ai import Generating
        from streams.agents.batching import Batching
        from streams.agents.embedding import Embedding
        from streams.agents.others import KnownServices, Others
        from streams.agents.paying import Till
        from streams.ai_terms import TenantTerms

        terms = TenantTerms(await ports.pool(largest=2))
        gateway = await around(ports, answers.log, terms, looks=True)
        door = Till(gateway, terms, answers)
        calls = ServiceCalls(tool_services(settings), await ports.keyring())
        others = Others(KnownServices(await ports.pool(largest=2)), calls)
        return {
            EmbedInput: Embedding(Local()).embed,
            BatchInput: Batching(ports.storage, answers).fan_out,
            GenerateInput: Generating(door, ports.storage, others).generate,
            TranslateInput: Translating(door, ports.storage).translate,
        }

    _serve(settings, "ai", settings.ai_slots, work)


def worker_media(settings: Settings) -> None:
    async def work(ports: "Ports", _answers: "Answers") -> "Works":
        from infra.wiring import hearing, speech
        from media_agents.agent import Studio
        from media_agents.composing.work import Composer
        from media_agents.engines.ffmpeg import find_engine
        from media_agents.remembering import Memory
        from media_agents.renditions import Remaker
        from media_agents.subtitles.work import Subtitler

        engine = replace(
            find_engine(settings.ffmpeg),
            threads=settings.job_threads,
            stall_seconds=settings.media_stall_s,
        )
        folder = _scratch(settings)
        memory = Memory(await ports.pool(largest=2))
        studio = Studio(
            ports.storage,
            engine,
            folder,
            memory=memory,
            piece_seconds=settings.media_piece_s,
        )
        composer = Composer(
            ports.storage,
            engine,
            speech(settings),
            folder,
            piece_seconds=settings.media_piece_s,
        )
        subtitler = Subtitler(ports.storage, engine, hearing(settings), folder)
        remaker = Remaker(
            ports.storage,
            engine,
            folder,
            memory=memory,
            piece_seconds=settings.media_piece_s,
        )
        made = {**studio.work(), **remaker.work()}
        return {**made, **composer.work(), **subtitler.work()}

    _serve(settings, "media", settings.media_slots, work, _labels(settings))


def worker_publish(settings: Settings) -> None:
    async def work(ports: "Ports", answers: "Answers") -> "Works":
        from infra.publishing import works

        return await works(settings, ports, answers, _scratch(settings))

    _serve(settings, "publish", settings.publish_slots, work)


def api(settings: Settings) -> None:
    from uvicorn.loops.auto import auto_loop_factory

    from infra.edge import serve

    _until_stopped(lambda stop: serve(settings, stop), auto_loop_factory())


def _scratch(settings: Settings) -> Path:
    """What jobs of killed workers left there goes first."""
    from streams.agents.scratch import sweep

    scratch = settings.data / "scratch"
    scratch.mkdir(parents=True, exist_ok=True)
    sweep(scratch)
    return scratch


def _labels(settings: Settings) -> Sequence[str]:
    """What was set, and hardware encoders that work here and now."""
    from media_agents.encoders import proven
    from media_agents.engines.ffmpeg import find_engine

    found = asyncio.run(proven(find_engine(settings.ffmpeg)))
    return (*settings.labels, *found)


def _serve(
    settings: Settings,
    role: str,
    slots: int,
    work: "MakeWork",
    labels: Sequence[str] = (),
) -> None:
    """A Faust worker process; its ports open before Faust and close after it."""
    from streams import runtime

    @asynccontextmanager
    async def bells() -> AsyncIterator["Bells"]:
        from infra.wiring import ports
        from streams.agents.answers import Answers
        from streams.leases import Leases
        from streams.worker import Jobs, Terms

        async with AsyncExitStack() as stack:
            opened = await stack.enter_async_context(ports(settings, "worker"))
            pool = await opened.pool(largest=slots + 4)
            log = await opened.log()
            answers = Answers(log, await opened.decisions(pool), utc_now, role=role)
            terms = Terms(
                role=role,
                slots=slots,
                lease_s=settings.lease_s,
                heartbeat_s=settings.heartbeat_s,
            )
            leases = Leases(pool, settings.lease_s, labels)
            yield Jobs(terms, leases, answers, await work(opened, answers))

    datadir = settings.data / "faust" / role
    datadir.mkdir(parents=True, exist_ok=True)
    runtime.serve(role, settings.need("kafka"), settings.ordinal, datadir, bells)


Works: TypeAlias = "dict[type[JobInput], Work]"
MakeWork: TypeAlias = "Callable[[Ports, Answers], Coroutine[None, None, Works]]"
ROLES: dict[str, Callable[[Settings], None]] = {
    "api": api,
    "decider": decider,
    "reactor": reactor,
    "inbound": inbound,
    "projector": projector,
    "sink": sink,
    "indexer": indexer,
    "dispatcher": dispatcher,
    "auditor": auditor,
    "worker-ai": worker_ai,
    "worker-media": worker_media,
    "worker-publish": worker_publish,
}
