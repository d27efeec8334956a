"""One tenant's accepted copies out of the read models, into a file."""

from datetime import datetime
from pathlib import Path

import msgspec
import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from ai_adapter.dataset import Accepted, written
from ai_adapter.redaction import redacted
from infra.problem import Stop
from infra.settings import Settings

ACCEPTED = sql.SQL(
    """
    SELECT c.id, c.updated_at AS at, c.task, c.platform, c.lang, c.brief,
      coalesce(c.variants, '[]'::jsonb) AS offered,
      coalesce(c.approved_variant, 0) AS variant, c.text AS accepted,
      coalesce(c.provider || '/' || c.model_name, '') AS model,
      coalesce(t.result->>'prompt_version', '') AS prompt,
      coalesce(t.result->>'arm', '') AS arm
    FROM read.copies c
    LEFT JOIN read.tasks t ON t.tenant = c.tenant AND t.id = c.job_id
    WHERE c.tenant = %s AND c.status = 'approved' AND NOT coalesce(c.degraded, false)
      AND c.updated_at >= %s AND c.updated_at < %s
    """
)


def export(
    settings: Settings, tenant: str, since: datetime, until: datetime, path: Path
) -> int:
    """Returns the bytes written; raises Stop where a file is there already."""
    with psycopg.connect(settings.dsn("owner"), row_factory=dict_row) as connection:
        rows = connection.execute(ACCEPTED, (tenant, since, until)).fetchall()
    text = written([msgspec.convert(each, Accepted) for each in rows], redacted)
    try:
        with path.open("xb") as file:
            return file.write(text)
    except FileExistsError as there:
        detail = f"{path} is there already; a data set is never overwritten."
        raise Stop(detail, code=2) from there
