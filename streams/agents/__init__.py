"""What the jobs of the roles do; the media role lives in media_agents."""
