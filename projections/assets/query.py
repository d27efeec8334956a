"""Questions about assets that are more than one row or a page of equals."""

from psycopg import sql

VERSIONS = sql.SQL(
    "SELECT * FROM read.asset_versions WHERE asset_id = %s ORDER BY number DESC"
)

# A publication holds its asset until it is out, or until nothing can come of it.
USED = sql.SQL(
    """
    WITH made AS (
      SELECT id, status FROM read.videos WHERE asset_id = %(asset)s
    )
    SELECT 'video' AS kind, id, status, '' AS title, '' AS platform,
      NULL::timestamptz AS at, 0 AS holding
    FROM made
    UNION ALL
    SELECT 'copy', c.id, c.status, '', c.platform, NULL, 0
    FROM read.copies c JOIN made ON made.id = c.video_id
    UNION ALL
    SELECT 'publication', p.id, p.status, p.title, p.platform, p.at,
      (p.status NOT IN ('published', 'failed', 'refused', 'missed'))::int
    FROM read.publications p JOIN made ON made.id = p.video_id
    UNION ALL
    SELECT 'timeline', id, '', title, '', NULL, 0
    FROM read.timelines
    WHERE jsonb_path_exists(document, '$.**.asset ? (@ == $named)',
      jsonb_build_object('named', %(asset)s::text))
    ORDER BY 1, 6 DESC NULLS LAST, 2
    """
)

# Every file of the tenant that lies or may come to lie in the store.
TAKEN = sql.SQL(
    """
    SELECT count(*) AS files, coalesce(sum(v.size), 0)::bigint AS bytes
    FROM read.asset_versions v JOIN read.assets a ON a.id = v.asset_id
    WHERE a.status <> 'purged' AND v.status NOT IN ('refused', 'abandoned')
      AND (%(project)s::text IS NULL OR a.project_id = %(project)s)
    """
)

SAME = sql.SQL(
    """
    SELECT v.asset_id FROM read.asset_versions v JOIN read.assets a ON a.id = v.asset_id
    WHERE v.sha256 = %(sha256)s AND v.asset_id <> %(asset)s
      AND v.status IN ('uploaded', 'ready') AND a.status <> 'purged'
    ORDER BY v.created_at LIMIT 1
    """
)
PAGE = sql.SQL(
    """
    SELECT a.*, (
      SELECT v.cover_key FROM read.videos v
      WHERE v.asset_id = a.id AND v.status = 'ready'
      ORDER BY v.created_at DESC LIMIT 1
    ) AS thumbnail_key
    FROM read.assets a
    WHERE (%(project)s::text IS NULL OR project_id = %(project)s)
      AND (%(status)s::text IS NULL OR status = %(status)s)
      AND (%(tags)s::text[] IS NULL OR tags @> %(tags)s)
      AND (%(topic)s::text IS NULL OR topics @> ARRAY[%(topic)s])
      AND (%(folder)s::text IS NULL OR folder = %(folder)s
        OR starts_with(folder, %(folder)s || '/'))
      AND (%(type)s::text IS NULL
        OR coalesce(facts->>'kind', split_part(content_type, '/', 1)) = %(type)s)
      AND coalesce(trashed, false) = %(trashed)s AND status <> 'purged'
      AND (%(created)s::timestamptz IS NULL
        OR (created_at, id) < (%(created)s, %(id)s))
    ORDER BY created_at DESC, id DESC LIMIT %(limit)s
    """
)
