"""The scoring path: keys, traffic and instances, all in memory."""

from app.endpoints.gateway.asgi import Gateway
from app.endpoints.gateway.asking import Answer, Ask
from app.endpoints.gateway.counters import COUNTERS, Counters, Figures
from app.endpoints.gateway.routing import Route, RoutingTable, Upstream
from app.endpoints.gateway.scoring import Scoring

__all__ = [
    "COUNTERS",
    "Answer",
    "Ask",
    "Counters",
    "Figures",
    "Gateway",
    "Route",
    "RoutingTable",
    "Scoring",
    "Upstream",
]
