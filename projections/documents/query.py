"""Questions asked of documents of the tenant that the session is set to."""

from psycopg import sql

from projections.documents.words import asked

# The rank as a whole number, so that a page goes on exactly where the last one ended.
# Titles weigh ten times as much as texts and names of files.
MATCHES = """
(%(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s))
AND (%(tags)s::text[] IS NULL OR tags @> %(tags)s)
AND (%(project)s::text IS NULL OR project_id = %(project)s)
AND (%(folder)s::text IS NULL
  OR folder = %(folder)s OR starts_with(folder, %(folder)s || '/'))
"""
FIND = sql.SQL(
    f"""
    WITH found AS (
      SELECT id, kind, title, text,
        (1e6 * ts_rank('{{0, 0.1, 0.1, 1}}', words, %(words)s::tsquery))::bigint AS rank
      FROM read.documents_with(%(words)s::tsquery) WHERE {MATCHES}
    )
    SELECT * FROM found
    WHERE %(rank)s::bigint IS NULL OR (rank, id) < (%(rank)s, %(id)s)
    ORDER BY rank DESC, id DESC LIMIT %(limit)s
    """  # noqa: S608  every part is a constant of this module
)
# How many there are of each kind and with each tag, among all that match.
FACETS = sql.SQL(
    f"""
    WITH found AS (
      SELECT kind, tags FROM read.documents_with(%(words)s::tsquery) WHERE {MATCHES}
    ), tagged AS (
      SELECT tag, count(*) AS many FROM found, unnest(tags) AS tag
      GROUP BY tag ORDER BY many DESC, tag LIMIT %(most)s
    )
    SELECT 'kind' AS facet, kind AS value, count(*) AS many FROM found GROUP BY kind
    UNION ALL SELECT 'tag', tag, many FROM tagged
    ORDER BY facet, many DESC, value
    """  # noqa: S608  every part is a constant of this module
)


def words_of(question: str) -> str:
    """A `tsquery` literal, empty for a question without words.

    All words must be there. Of a long Chinese word the shorter ones within do as well;
    other words count when they begin like this.
    """
    parts = []
    for word, within, han in asked(question):
        if not han:
            parts.append(f"'{word}':*")
        elif within:
            parts.append(f"('{word}' | {' & '.join(repr(each) for each in within)})")
        else:
            parts.append(f"'{word}'")
    return " & ".join(parts)
