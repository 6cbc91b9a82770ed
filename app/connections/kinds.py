"""The types of connections, and what the file of one says beside its name and credentials.

Source: the connection schemas of Azure ML CLI v2.
"""

from typing import Any

from app.connections.definitions import COMMON, SET_BY_SERVER, Definitions
from app.connections.tables import Connection
from app.kit.sections import Section

_TEXTS = (
    "target", "url", "endpoint", "azure_endpoint", "api_base", "api_version", "api_type", "open_ai_resource_id",
    "ai_services_resource_id", "account_name", "container_name", "one_lake_workspace_name",
)  # fmt: skip
ADDRESSES = ("target", "url", "endpoint", "azure_endpoint", "api_base")
_FIELDS = (*COMMON, *_TEXTS, "api_key", "is_shared", "metadata", "artifact")
_WITHOUT_ADDRESS = ("custom", "open_ai", "serp", "azure_blob", "azure_one_lake")
TYPES = (
    "git", "container_registry", "python_feed", "s3", "snowflake", "azure_sql_db", "azure_synapse_analytics",
    "azure_my_sql_db", "azure_postgres_db", "azure_data_lake_gen2", "azure_blob", "azure_one_lake", "azure_open_ai",
    "azure_ai_services", "azure_ai_search", "azure_content_safety", "azure_speech_services", "open_ai", "serp",
    "serverless", "api_key", "custom",
)  # fmt: skip


def _settings(file: Section, type: str) -> dict[str, Any]:
    file.check_fields(_FIELDS, SET_BY_SERVER)
    found: dict[str, Any] = {name: file.text(name) for name in _TEXTS if name in file}
    if type not in _WITHOUT_ADDRESS and not any(name in file for name in ADDRESSES):
        file.wrong("target", f"is missing: it is the address that a connection of the type {type} leads to.")
    if type == "azure_blob":
        file.text("account_name", required=True)
        file.text("container_name", required=True)
    found["is_shared"] = file.boolean("is_shared", True)
    return found | {name: file.mapping(name) for name in ("metadata", "artifact") if name in file}


CONNECTIONS = Definitions("connection", "connections", Connection, TYPES, _settings)
