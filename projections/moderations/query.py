"""Questions asked of judgements; row-level security adds the tenant."""

from psycopg import sql

OWN_WORDS = sql.SQL("SELECT forbidden, allowed FROM read.wordlists LIMIT 1")
