"""What a deployment collects, as Azure's clients send it and read it back.

Source: DataCollector of the OnlineDeployment resource, api-version 2023-04-01-preview.
"""

from collections.abc import Mapping
from typing import Any

from app.dialects.arm.wire import mapping, pascal, said

PATH = "properties.dataCollector"


def read(sent: Mapping) -> dict[str, Any] | None:
    """As a file says it. The wire has a sampling rate with each collection, a file one for all."""
    if not sent:
        return None
    sent_collections = mapping(sent, "collections", PATH)
    given = {name: mapping(sent_collections, name, f"{PATH}.collections") for name in sent_collections}
    rates = [item["samplingRate"] for item in given.values() if item.get("samplingRate") is not None]
    headers = mapping(sent, "requestLogging", PATH).get("captureHeaders")
    return said(
        {
            "collections": {name: _collection(item) for name, item in given.items()},
            "sampling_rate": rates[0] if rates else None,
            "rolling_rate": str(sent["rollingRate"]).lower() if sent.get("rollingRate") else None,
            "request_logging": {"capture_headers": headers} if headers else None,
        }
    )


def _collection(sent: Mapping) -> dict[str, Any]:
    mode = str(sent.get("dataCollectionMode", "Disabled"))
    return said({"enabled": mode.lower() == "enabled", "data": sent.get("dataId")})


def shown(collector: Mapping | None) -> dict[str, Any] | None:
    if not collector:
        return None
    rate = collector.get("sampling_rate", 1.0)
    headers = (collector.get("request_logging") or {}).get("capture_headers")
    return said(
        {
            "collections": {name: _shown(item, rate) for name, item in collector.get("collections", {}).items()},
            "rollingRate": pascal(collector.get("rolling_rate", "hour")),
            "requestLogging": {"captureHeaders": headers} if headers else None,
        }
    )


def _shown(collection: Mapping, rate: float) -> dict[str, Any]:
    data = collection.get("data")
    return said(
        {
            "dataCollectionMode": "Enabled" if collection.get("enabled") else "Disabled",
            "dataId": data.get("name") if isinstance(data, Mapping) else data,
            "samplingRate": rate,
        }
    )
