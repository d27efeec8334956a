"""Rules of a project, the room that assets and copies live in."""

from msgspec import Struct
from msgspec.structs import replace

from schemas.commands.content import LimitProject, ProjectCommand
from schemas.events.content import ProjectCreated, ProjectEvent, ProjectLimited
from streams.domain.limits import refuse_negative
from streams.domain.rejected import Rejected, exists, missing

NAME_LIMIT = 200


class Project(Struct, frozen=True):
    name: str = ""
    limits: ProjectLimited = ProjectLimited()


initial = Project()


def decide(command: ProjectCommand, project: Project) -> ProjectEvent | None:
    if isinstance(command, LimitProject):
        return _limit(command, project)
    name = command.name.strip()
    if not name or len(name) > NAME_LIMIT:
        raise Rejected(
            "invalid",
            "name_length",
            f"A name has 1 to {NAME_LIMIT} characters.",
            pointer="/name",
        )
    if project.name == name:
        return None
    if project.name:
        raise exists("project")
    return ProjectCreated(name=name)


def _limit(command: LimitProject, project: Project) -> ProjectEvent | None:
    if not project.name:
        raise missing("project")
    refuse_negative(command)
    wanted = ProjectLimited(command.asset_bytes, command.asset_files)
    return None if wanted == project.limits else wanted


def evolve(project: Project, event: ProjectEvent) -> Project:
    if isinstance(event, ProjectLimited):
        return replace(project, limits=event)
    return replace(project, name=event.name)
