"""Projects: what belongs together."""

from fastapi import APIRouter, Response

from api.deps import Cursor, Limit, Read
from api.problems import missing
from api.shapes import Body, Id, Item, Line, Page, Receipt
from api.writes import Writes, answer, decide, receipt
from schemas.commands.content import CreateProject

router = APIRouter(tags=["projects"])


class NewProject(Body):
    name: Line


class Project(Item):
    name: str


@router.post("/projects", status_code=202, response_model=Receipt)
async def create_project(body: NewProject, write: Writes, rows: Read) -> Response:
    project_id = write.new_id("project")
    outcome = await decide(write, CreateProject(name=body.name), project_id)
    return await answer(
        write,
        outcome,
        receipt(write, outcome, project_id),
        lambda: rows.one("projects", Project, project_id),
        made=f"/api/v1/projects/{project_id}",
    )


@router.get("/projects")
async def list_projects(
    rows: Read, cursor: Cursor = None, limit: Limit = 50
) -> Page[Project]:
    return await rows.page("projects", Project, cursor=cursor, limit=limit)


@router.get("/projects/{project_id}")
async def read_project(project_id: Id, rows: Read, response: Response) -> Project:
    found = await rows.one("projects", Project, project_id)
    if found is None:
        raise missing("project")
    response.headers["ETag"] = f'"{found.version}"'
    return found
