"""Questions asked of ClickHouse; the tenant is a parameter and never left out."""

# Parameters: tenant, platform ('' for all), limit.
PERFORMANCE = """
SELECT publication_id, platform, title, project_id, video_id, account_id, published_at,
       views, likes, comments, shares, completion_rate, interaction_rate, leads,
       ai_cost, media_seconds
FROM contentops.publication_performance
WHERE tenant = {tenant:String}
  AND ({platform:String} = '' OR platform = {platform:String})
ORDER BY published_at DESC NULLS FIRST, publication_id LIMIT {limit:UInt32}
"""
