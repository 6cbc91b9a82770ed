import pytest

from tests.alerts.receivers import http_receiver, smtp_receiver
from workers.reconcile import alerts, deliveries, endpoint_alerts


@pytest.fixture
def receiver(started):
    """Of HTTP; it stands on this machine, which the server must be allowed to post to."""
    started.webhooks_allow_private = True
    with http_receiver() as found:
        yield found


@pytest.fixture
def mails(started):
    with smtp_receiver() as (port, found):
        started.smtp_host, started.smtp_port, started.smtp_starttls = "127.0.0.1", port, False
        yield found


@pytest.fixture
def work():
    """What a worker's duties do: look at runs, then deliver."""
    watch = alerts.Watch()
    endpoint_watch = endpoint_alerts.EndpointWatch()

    def once() -> None:
        alerts.reconcile(watch)
        endpoint_alerts.reconcile(endpoint_watch)
        deliveries.reconcile()

    return once
