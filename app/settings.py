"""Settings, from `ATELIER_*` environment variables first and the home's `atelier.toml` second."""

from functools import lru_cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict, TomlConfigSettingsSource

PROJECT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """Every setting. `docs/settings.md` explains each to operators."""

    model_config = SettingsConfigDict(env_prefix="ATELIER_", extra="ignore")

    home: Path = Field(
        Path("~/.atelier").expanduser(), description="Folder of everything that this server keeps on disk."
    )
    url: str = Field("http://127.0.0.1:8080", description="Address under which clients reach the server.")
    host: str = Field("127.0.0.1", description="Address that the server listens on.")
    port: int = Field(8080, description="Port that the server listens on.")
    https_port: int = Field(0, description="Port that the server listens on for HTTPS; 0: none.")
    scoring_port: int = Field(0, description="Port that the gateway takes scoring requests on; 0: none.")
    scoring_url: str = Field(
        "", description="Address under which clients reach the gateway; empty: they score at the server's own."
    )
    tls_certificate: str = Field(
        "", description="PEM file of a certificate and its chain; empty: one that this server issues itself."
    )
    tls_key: str = Field("", description="PEM file of the key of `tls_certificate`.")
    database_url: str = Field("", description="SQLAlchemy URL of the registry; empty: SQLite in the home.")
    redis_url: str = Field("", description="Redis of queue and live hints; empty: the bundled one.")
    artifacts: str = Field(
        "", description="Root of the artifact store: a folder or s3://bucket/prefix; empty: a folder in the home."
    )
    secret_key: str = Field("", description="Encrypts endpoint keys and signs upload links; made on the first start.")
    environments_folder: Path = Field(PROJECT / ".environments", description="Where built environments are kept.")
    containers: Literal["auto", "docker", "podman", "kubernetes", "off"] = Field(
        "auto",
        description="Engine in which jobs run whose environment is an image: docker, podman, auto (the first that "
        "answers; where an image cannot be had, its environment stands in), kubernetes or off.",
    )
    kubernetes_config: str = Field(
        "",
        description="Kubeconfig file of the cluster; empty: the service account of the pod that the worker runs in, "
        "else KUBECONFIG, else ~/.kube/config.",
    )
    kubernetes_namespace: str = Field("", description="Namespace of the pods of jobs; empty: that of the kubeconfig.")
    kubernetes_url: str = Field("", description="Address under which pods reach the server; empty: `url`.")
    kubernetes_claim: str = Field(
        "",
        description="PersistentVolumeClaim by which pods see the home; empty: nodes have it at the same path.",
    )
    kubernetes_claim_path: str = Field(
        "", description="Folder at which workers have the root of `kubernetes_claim`; empty: the home."
    )
    kubernetes_pod: str = Field(
        "",
        description="YAML file of a pod whose metadata and spec are the base of every job's: nodeSelector, "
        "tolerations, imagePullSecrets and the like.",
    )
    kubernetes_gpu: str = Field("nvidia.com/gpu", description="What a GPU is called as a resource of the cluster.")
    kubernetes_wait_seconds: float = Field(
        600, description="How long a pod may look for a node, or fail to start on it, before its job fails."
    )
    slots: int = Field(0, description="Jobs that one worker runs at a time; 0: one a processor.")
    job_memory_bytes: int = Field(0, description="Memory limit of a job that states none; 0: a slot's part of 80 %.")
    job_disk_bytes: int = Field(20 * 2**30, description="How much a job may write into its folder.")
    job_processes: int = Field(512, description="How many processes a job may have at a time.")
    job_log_bytes: int = Field(64 * 2**20, description="How much of a job's output is kept.")
    unknown_compute: str = Field(
        "serverless", description="Compute that runs jobs which name one that does not exist; a note says so."
    )
    lease_seconds: float = Field(30, description="How long a worker may be silent before its jobs count as lost.")
    warm_idle_seconds: float = Field(900, description="How long a warm launcher waits for the next job before it ends.")
    session_days: int = Field(14, description="How long a sign-in lasts.")
    upload_bytes: int = Field(20 * 2**30, description="Largest upload that is accepted.")
    unreferenced_days: int = Field(7, description="Uploads that nothing refers to are deleted after so long; 0: never.")
    collected_days: int = Field(
        30, description="What the data_collector of deployments wrote is deleted after so many days; 0: never."
    )
    score_body_bytes: int = Field(16 * 2**20, description="Largest scoring request that is accepted.")
    smtp_host: str = Field("", description="Mail server of alerts by email; empty: none are sent by email.")
    smtp_port: int = Field(587, description="Port of the mail server; 465 speaks TLS from the start.")
    smtp_starttls: bool = Field(True, description="Go over to TLS before anything is sent to the mail server.")
    smtp_user: str = Field("", description="Name at the mail server; empty: no sign-in.")
    smtp_password: str = Field("", description="Password at the mail server.")
    smtp_from: str = Field("atelier@localhost", description="Address that mail comes from.")
    webhooks_allow_private: bool = Field(
        False, description="Let alerts and webhooks post to this machine and its own network."
    )
    datastore_folders: str = Field(
        "", description="Folders of this machine, separated by ':', in which datastores of the type file may lie."
    )
    log_level: str = Field("INFO", description="Least level that is logged.")
    secure_cookies: bool = Field(False, description="Send cookies over HTTPS only; set it behind TLS.")

    @classmethod
    def settings_customise_sources(cls, settings_cls, init_settings, env_settings, **_):
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)

    @property
    def secure_url(self) -> str:
        """The address for clients that speak HTTPS only; empty where there is none."""
        return secure_address(self.url, self.https_port)

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.home / 'atelier.db'}"

    @property
    def artifact_root(self) -> str:
        return self.artifacts or str(self.home / "artifacts")


def secure_address(url: str, https_port: int) -> str:
    """The HTTPS address of the server that is known as `url`, without a slash at its end; empty where it has none."""
    if url.startswith("https:"):
        return url.rstrip("/")
    return f"https://{urlsplit(url).hostname}:{https_port}" if https_port else ""


def read(config: Path, **said: object) -> Settings:
    """Settings with `config` as their file; environment variables win over it, and what is `said` over both."""

    class FileSettings(Settings):
        model_config = SettingsConfigDict(env_prefix="ATELIER_", extra="ignore", toml_file=config)

    return FileSettings(**said)


@lru_cache
def current() -> Settings:
    """The settings of this process: of the file that `ATELIER_CONFIG` names, if any."""
    import os

    config = os.environ.get("ATELIER_CONFIG")
    return read(Path(config)) if config else Settings()
