"""The environment variables by which unmodified code reaches this server. Standard library only."""

from pathlib import Path

CLOUD = "Atelier"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
GROUP = "atelier"
"""Azure's clients want both; every subscription and group holds the same workspaces here."""


def variables(base: str, workspace: str, token: str, bundle: Path | str | None) -> dict[str, str]:
    """What code with `DefaultAzureCredential()` needs to find the HTTPS server at `base` and be let in.

    `bundle` is a file of certificate authorities that replaces the usual ones, None where those will do.
    """
    return {
        "ARM_CLOUD_METADATA_URL": f"{base}/metadata/endpoints?api-version=2019-05-01",
        "AZUREML_CURRENT_CLOUD": CLOUD,
        "REGISTRY_DISCOVERY_ENDPOINT_URL": f"{base}/",
        "IDENTITY_ENDPOINT": f"{base}/msi/token",
        "IDENTITY_HEADER": token,
        **({"REQUESTS_CA_BUNDLE": str(bundle), "SSL_CERT_FILE": str(bundle)} if bundle else {}),
        "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
        "AZURE_RESOURCE_GROUP": GROUP,
        "AZUREML_WORKSPACE_NAME": workspace,
        "MLFLOW_TRACKING_URI": base if workspace == "default" else f"{base}/w/{workspace}",
        "MLFLOW_TRACKING_TOKEN": token,
    }
