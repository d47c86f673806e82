"""Counters for Prometheus, on a registry of their own.

Labels are codes, names of sources and names of the policy; never a value of a person.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest


class Metrics:
    """What the service counts. ``app`` makes one and hands it down."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.ingest_requests = Counter(
            "cdp_ingest_requests",
            "Ingest requests by source and outcome code",
            ["source", "code"],
            registry=self.registry,
        )
        self.ingest_events = Counter(
            "cdp_ingest_events",
            "Events by source, outcome and reason",
            ["source", "outcome", "reason"],
            registry=self.registry,
        )
        self.fields_dropped = Counter(
            "cdp_fields_dropped",
            "Fields that no policy names or that failed a rule, by source and rule",
            ["source", "rule"],
            registry=self.registry,
        )
        self.identifiers_dropped = Counter(
            "cdp_identifiers_dropped",
            "Identifiers dropped before the digest",
            ["source", "namespace", "rule"],
            registry=self.registry,
        )
        self.accesses = Counter(
            "cdp_accesses",
            "Accesses by kind and outcome",
            ["kind", "outcome"],
            registry=self.registry,
        )
        self.page_acts = Counter(
            "cdp_page_acts",
            "Presses of buttons on the preference page, by act and what came of it",
            ["act", "code"],
            registry=self.registry,
        )
        self.commit_seconds = Histogram(
            "cdp_commit_seconds",
            "From a request's last byte to its commit",
            buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0),
            registry=self.registry,
        )
        self.writer_pending = Gauge(
            "cdp_writer_pending", "Jobs waiting for a commit", registry=self.registry
        )
        self.inbox_rows = Gauge(
            "cdp_inbox_rows", "Rows not yet in the lake", registry=self.registry
        )
        self.webhook_waiting = Gauge(
            "cdp_webhook_waiting",
            "Changes of consent that the webhook's receiver has not taken",
            registry=self.registry,
        )
        self.audit_size = Gauge(
            "cdp_audit_size",
            "Records under the last checkpoint",
            registry=self.registry,
        )

    def render(self) -> bytes:
        """Return the registry in Prometheus' text format."""
        return generate_latest(self.registry)
