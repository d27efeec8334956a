"""Rules of a tool that somebody else runs: it is registered, again, or removed."""

from typing import assert_never

from msgspec import Struct

from schemas.commands.service import RegisterService, RemoveService, ServiceCommand
from schemas.events.service import ServiceEvent, ServiceRegistered, ServiceRemoved
from streams.domain.rejected import missing


class Service(Struct, frozen=True):
    """What it said of itself last; None where it is not registered."""

    registered: ServiceRegistered | None = None


initial = Service()


def decide(command: ServiceCommand, service: Service) -> ServiceEvent | None:
    match command:
        case RegisterService():
            return _register(command, service)
        case RemoveService():
            if service.registered is None:
                raise missing("service")
            found = service.registered
            return ServiceRemoved(found.name, found.secret_ref)
        case _:
            assert_never(command)


def _register(command: RegisterService, service: Service) -> ServiceRegistered | None:
    event = ServiceRegistered(
        name=command.name,
        url=command.url,
        tool_version=command.tool_version,
        about=command.about,
        input=command.input,
        output=command.output,
        secret_ref=command.secret_ref,
    )
    return None if event == service.registered else event


def evolve(_service: Service, event: ServiceEvent) -> Service:
    return Service(event if isinstance(event, ServiceRegistered) else None)
