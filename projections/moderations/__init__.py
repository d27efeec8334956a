"""Judgements on texts, what people decided of them, and each tenant's own words."""
