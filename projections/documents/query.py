"""Questions asked of documents of the tenant that the session is set to."""

from psycopg import sql

from projections.documents.words import asked

# The rank as a whole number, so that a page goes on exactly where the last one ended.
# Titles weigh ten times as much as texts.
FIND = sql.SQL(
    """
    WITH found AS (
      SELECT id, kind, title, text,
        (1e6 * ts_rank('{0, 0, 0.1, 1}', words, %(words)s::tsquery))::bigint AS rank
      FROM read.documents_with(%(words)s::tsquery)
      WHERE %(kinds)s::text[] IS NULL OR kind = ANY(%(kinds)s)
    )
    SELECT * FROM found
    WHERE %(rank)s::bigint IS NULL OR (rank, id) < (%(rank)s, %(id)s)
    ORDER BY rank DESC, id DESC LIMIT %(limit)s
    """
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
