"""How many requests a minute each key of an endpoint may make, counted by each gateway."""

import hashlib
import math
import time
from collections import OrderedDict

from app.endpoints.gateway.asking import Ask
from app.errors import QuotaExceeded

MOST_KEYS = 10_000


class Limiter:
    """A bucket a key that fills again evenly: a minute's requests may come at once, later ones at the limit's pace."""

    def __init__(self, clock=time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[tuple[str, str, bytes], tuple[float, float]] = OrderedDict()

    def __call__(self, ask: Ask) -> None:
        """Raises QuotaExceeded for a key that has used up its minute."""
        limit = ask.route.requests_per_minute
        if not limit or ask.action == "swagger.json":
            return
        token = hashlib.sha256(ask.headers.get(b"authorization", b"")).digest()
        key, now = (ask.workspace, ask.endpoint, token), self._clock()
        left, at = self._buckets.pop(key, (float(limit), now))
        left = min(float(limit), left + (now - at) * limit / 60)
        granted = left >= 1
        self._buckets[key] = (left - granted, now)
        while len(self._buckets) > MOST_KEYS:
            self._buckets.popitem(last=False)
        wait = 0 if granted else math.ceil((1 - left) * 60 / limit)
        ask.said = (
            (b"x-ratelimit-limit", b"%d" % limit),
            (b"x-ratelimit-remaining", b"%d" % int(left - granted)),
            (b"x-ratelimit-reset", b"%d" % math.ceil((limit - left + granted) * 60 / limit)),
        )
        if not granted:
            ask.said += ((b"retry-after", b"%d" % wait),)
            raise QuotaExceeded(
                f"This key has made its {limit} requests of a minute. Try again in {wait} s.", target="Authorization"
            )
