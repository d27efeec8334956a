"""Questions asked of AI usage; row-level security adds the tenant."""

from collections.abc import Sequence

from psycopg import sql

COLUMNS = {
    "project": sql.SQL("project_id"),
    "person": sql.SQL("person_id"),
    "task": sql.SQL("task"),
    "model": sql.SQL("coalesce(provider || '/' || model, '')"),
    "day": sql.SQL("(ended_at AT TIME ZONE %(zone)s)::date::text"),
}
_USAGE = sql.SQL("""
SELECT {names} coalesce(currency, '') AS currency,
  count(*) FILTER (WHERE status = 'answered') AS answers,
  count(*) FILTER (WHERE status = 'failed') AS failures,
  count(*) FILTER (WHERE status = 'unknown' OR status = 'answered' AND cost IS NULL)
    AS unknown,
  coalesce(sum(calls), 0) AS calls,
  coalesce(sum(prompt_tokens), 0) AS prompt_tokens,
  coalesce(sum(completion_tokens), 0) AS completion_tokens,
  coalesce(sum(cost), 0) AS cost
FROM read.ai_usage
WHERE status <> 'asked' AND ended_at >= %(since)s AND ended_at < %(until)s
  AND (%(project)s::text IS NULL OR project_id = %(project)s)
  AND (%(person)s::text IS NULL OR person_id = %(person)s)
GROUP BY {groups} ORDER BY {groups} LIMIT 10000
""")


def usage(by: Sequence[str]) -> sql.Composed:
    """Sums for each of these and each currency; money of two is never added up.

    Values: `since` and `until`, `zone` of the days, `project` and `person` or null.
    """
    names = [
        sql.SQL("{} AS {}, ").format(COLUMNS[each], sql.Identifier(each)) for each in by
    ]
    # By place, and the last of them is the currency.
    groups = [sql.Literal(place + 1) for place in range(len(by) + 1)]
    return _USAGE.format(names=sql.Composed(names), groups=sql.SQL(", ").join(groups))
