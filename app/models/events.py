from dataclasses import dataclass


@dataclass(frozen=True)
class RegistryChanged:
    """A model or prompt, a version, tag or alias of one was made, set or deleted.

    `kind` is MLflow's name of it, such as `model_version.created`, and `data` what its webhooks carry.
    """

    workspace_id: int
    kind: str
    data: dict
