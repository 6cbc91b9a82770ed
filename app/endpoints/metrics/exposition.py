"""What deployments use, for Prometheus."""

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from app.database import reading
from app.endpoints.gateway.counters import LABELS
from app.endpoints.metrics import queries
from app.endpoints.metrics.tally import mean

GAUGES = {
    "cpu": ("atelier_deployment_cpus", "Processors that an instance uses in the mean"),
    "memory": ("atelier_deployment_memory_bytes", "Memory that an instance uses in the mean"),
    "gpu": ("atelier_deployment_gpu_percent", "Utilization of the GPUs of an instance in the mean"),
    "gpu_memory": ("atelier_deployment_gpu_memory_bytes", "Memory of GPUs that an instance uses in the mean"),
}


class UseCollector(Collector):
    """Reads the registry when it is asked."""

    def describe(self) -> list[GaugeMetricFamily]:
        return [GaugeMetricFamily(*named, labels=LABELS) for named in GAUGES.values()]

    def collect(self) -> Iterator[GaugeMetricFamily]:
        with reading() as session:
            found = queries.last_gauges(session)
        for gauge, family in zip(GAUGES, self.describe(), strict=True):
            for *key, tally in found:
                value = mean(tally, gauge)
                if value is not None:
                    family.add_metric(key, value)
            yield family
