"""What the roles count: one name, one meaning, and never a tenant in a label.

Counters belong to the process that does the thing; what follows from stores (lag,
staleness, queues) is looked up when somebody asks, by `infra/gauges.py`.
"""

from prometheus_client import Counter, Histogram

_SHORT = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_LONG = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600)

COMMANDS = Counter(
    "contentops_commands",
    "Commands decided; outcome is accepted, unchanged or rejected.",
    ("family", "outcome"),
)
REJECTIONS = Counter(
    "contentops_rejections", "Commands refused, by reason.", ("family", "code")
)
CLAIMS = Counter(
    "contentops_decider_claims", "Partitions claimed by this decider.", ("family",)
)
CONFLICTS = Counter(
    "contentops_decider_conflicts",
    "Times a decider dropped its picture and claimed again.",
    ("family",),
)
VOID = Counter(
    "contentops_void_records",
    "Records that the acceptance rule made this reader skip.",
    ("reader", "topic"),
)
RECORDS = Counter(
    "contentops_records", "Accepted records this reader has passed.", ("reader",)
)
PARKED = Counter(
    "contentops_parked_records", "Records this reader put aside.", ("reader",)
)
COMMIT_SECONDS = Histogram(
    "contentops_commit_seconds",
    "From a batch in hand to its committed effect.",
    ("reader",),
    buckets=_SHORT,
)
REFUSED = Counter(
    "contentops_http_refused",
    "Asked to come later; reason is rate, share, in_flight, backlog, producer,"
    " direct or streams.",
    ("reason",),
)
JOBS_SUBMITTED = Counter("contentops_jobs_submitted", "Jobs asked for.", ("kind",))
JOBS_ENDED = Counter(
    "contentops_jobs_ended",
    "Attempts that ended; outcome is succeeded, failed, fenced or stopped.",
    ("kind", "outcome"),
)
JOB_SECONDS = Histogram(
    "contentops_job_seconds", "Work of one attempt.", ("kind",), buckets=_LONG
)
DISPATCH_WAIT_SECONDS = Histogram(
    "contentops_dispatch_wait_seconds",
    "From the moment a job is due to its lease.",
    ("role",),
    buckets=_SHORT + _LONG[5:],
)
TIMER_LATE_SECONDS = Histogram(
    "contentops_timer_late_seconds",
    "How late due timers were appended.",
    buckets=_SHORT + _LONG[5:],
)
