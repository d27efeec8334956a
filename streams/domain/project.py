"""Rules of a project, the room that assets and copies live in."""

from msgspec import Struct

from schemas.commands.content import ProjectCommand
from schemas.events.content import ProjectCreated, ProjectEvent
from streams.domain.rejected import Rejected, exists

NAME_LIMIT = 200


class Project(Struct, frozen=True):
    name: str = ""


initial = Project()


def decide(command: ProjectCommand, project: Project) -> ProjectEvent | None:
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


def evolve(_project: Project, event: ProjectEvent) -> Project:
    return Project(name=event.name)
