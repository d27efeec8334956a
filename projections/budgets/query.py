"""Questions asked of budgets; row-level security adds the tenant."""

from psycopg import sql

# Values: the local day, and the month it is in. Amounts are in the budget's currency.
_SUMS = """
coalesce(sum(amount) FILTER (WHERE day = %(day)s), 0) AS day,
coalesce(sum(amount), 0) AS month
FROM read.reservations WHERE day LIKE %(month)s || '-%%'
"""
USED = sql.SQL(f"""
SELECT 'tenant' AS whose, {_SUMS}
UNION ALL
SELECT 'project/' || project_id, {_SUMS} AND project_id <> '' GROUP BY project_id
UNION ALL
SELECT 'person/' || person_id, {_SUMS} AND person_id <> '' GROUP BY person_id
""")
