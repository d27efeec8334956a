"""Every reaction with its name; the name is part of the ids it makes, so it stays."""

from streams.reactions import (
    advance_runs,
    apply_winners,
    arrange_slots,
    hold_publications,
    keep_compositions,
    order_jobs,
    record_results,
    request_jobs,
    review_answers,
    transcode_imports,
    warn_budgets,
)
from streams.reactions.reaction import React

REACTIONS: dict[str, React] = {
    "request_jobs": request_jobs.react,
    "record_results": record_results.react,
    "transcode_imports": transcode_imports.react,
    "arrange_slots": arrange_slots.react,
    "order_jobs": order_jobs.react,
    "keep_compositions": keep_compositions.react,
    "warn_budgets": warn_budgets.react,
    "review_answers": review_answers.react,
    "advance_runs": advance_runs.react,
    "hold_publications": hold_publications.react,
    "apply_winners": apply_winners.react,
}
