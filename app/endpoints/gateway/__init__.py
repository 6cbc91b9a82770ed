"""The scoring path of the web process: keys, traffic and instances, all in memory."""

from app.endpoints.gateway.asgi import Gateway
from app.endpoints.gateway.counters import COUNTERS, Counters, Figures
from app.endpoints.gateway.routing import Route, RoutingTable, Upstream

__all__ = ["COUNTERS", "Counters", "Figures", "Gateway", "Route", "RoutingTable", "Upstream"]
