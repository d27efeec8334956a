"""Every projection there is; a new one is a folder and a line here."""

from msgspec import structs

from projections.accounts.project import ACCOUNTS
from projections.accounts.project import project as accounts
from projections.ai_usage.project import AI_USAGE
from projections.ai_usage.project import project as ai_usage
from projections.analytics.project import TABLES as FACTS
from projections.analytics.project import project as analytics
from projections.assets.project import ASSETS, VERSIONS
from projections.assets.project import project as assets
from projections.budgets.project import BUDGETS, RESERVATIONS, WARNINGS
from projections.budgets.project import project as budgets
from projections.chains.project import CHAINS, RUNS
from projections.chains.project import STEPS as RUN_STEPS
from projections.chains.project import project as chains
from projections.changes.project import CHANGES
from projections.changes.project import project as changes
from projections.copies.project import COPIES
from projections.copies.project import VERSIONS as COPY_VERSIONS
from projections.copies.project import project as copies
from projections.documents.project import DOCUMENTS
from projections.documents.project import project as documents
from projections.experiments.project import EXPERIMENTS, EXPOSURES, OUTCOMES
from projections.experiments.project import project as experiments
from projections.history.project import HISTORY
from projections.history.project import project as history
from projections.images.project import IMAGES
from projections.images.project import project as images
from projections.leads.project import LEADS, PAGES
from projections.leads.project import project as leads
from projections.moderations.project import MODERATIONS, WORDLISTS
from projections.moderations.project import project as moderations
from projections.operations.project import OPERATIONS
from projections.operations.project import project as operations
from projections.policies.project import POLICIES
from projections.policies.project import VERSIONS as POLICY_VERSIONS
from projections.policies.project import project as policies
from projections.projects.project import PROJECTS
from projections.projects.project import project as projects
from projections.prompts.project import PROMPTS
from projections.prompts.project import VERSIONS as PROMPT_VERSIONS
from projections.prompts.project import project as prompts
from projections.publications.project import PUBLICATION_LOG, PUBLICATIONS
from projections.publications.project import project as publications
from projections.services.project import SERVICES
from projections.services.project import project as services
from projections.subtitles.project import SUBTITLES
from projections.subtitles.project import VERSIONS as SUBTITLE_VERSIONS
from projections.subtitles.project import project as subtitles
from projections.table import Projection
from projections.tasks.project import TASKS
from projections.tasks.project import project as tasks
from projections.tenants.project import KEYS, TENANTS, USERS
from projections.tenants.project import project as tenants
from projections.timelines.project import RENDERS, TIMELINES
from projections.timelines.project import project as timelines
from projections.timers.project import TIMERS
from projections.timers.project import project as timers
from projections.vectors.project import VECTORS
from projections.vectors.project import project as vectors
from projections.videos.project import VIDEOS
from projections.videos.project import project as videos
from schemas.topics import EVENT_TOPICS, TRACKING

# Views may rest on tables of projections named above them.
PROJECTIONS: tuple[Projection, ...] = (
    Projection("tenants", (TENANTS, USERS, KEYS), tenants, shape=2),
    Projection("projects", (PROJECTS,), projects, shape=2),
    Projection("assets", (ASSETS, VERSIONS), assets, shape=3),
    Projection("images", (IMAGES,), images),
    Projection("videos", (VIDEOS,), videos, shape=5),
    Projection("subtitles", (SUBTITLES, SUBTITLE_VERSIONS), subtitles),
    Projection("copies", (COPIES, COPY_VERSIONS), copies, shape=2),
    Projection("tasks", (TASKS,), tasks, shape=4),
    Projection("timelines", (TIMELINES, RENDERS), timelines),
    Projection("accounts", (ACCOUNTS,), accounts),
    Projection("publications", (PUBLICATIONS, PUBLICATION_LOG), publications, shape=2),
    Projection("budgets", (BUDGETS, RESERVATIONS, WARNINGS), budgets),
    Projection("ai_usage", (AI_USAGE,), ai_usage),
    Projection("policies", (POLICIES, POLICY_VERSIONS), policies),
    Projection("prompts", (PROMPTS, PROMPT_VERSIONS), prompts),
    Projection("experiments", (EXPERIMENTS, EXPOSURES, OUTCOMES), experiments),
    Projection("moderations", (MODERATIONS, WORDLISTS), moderations),
    Projection("services", (SERVICES,), services),
    Projection("chains", (CHAINS, RUNS, RUN_STEPS), chains),
    Projection("vectors", (VECTORS,), vectors),
    Projection("timers", (TIMERS,), timers, shape=5),
    Projection("leads", (PAGES, LEADS), leads),
    Projection("history", (HISTORY,), history),
    Projection("changes", (CHANGES,), changes, shape=2),
    Projection("operations", (OPERATIONS,), operations),
    Projection("documents", (DOCUMENTS,), documents, shape=3),
)
# The same rows in OpenSearch, where it answers searches; fed by the indexer.
INDEX = structs.replace(PROJECTIONS[-1], name="search")
# Lives in ClickHouse and is fed by the sink.
ANALYTICS = Projection("analytics", FACTS, analytics)
READ_TOPICS: tuple[str, ...] = (
    *(topic.name for topic in EVENT_TOPICS),
    TRACKING.name,
)
