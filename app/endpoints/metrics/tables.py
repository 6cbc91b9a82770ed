"""What deployments did and used, in stretches of time."""

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base


class DeploymentMetrics(Base):
    """`tally` (see `tally.py`) of the `seconds` that begin at Unix time `at`.

    The deployment is a name, so that what one of that name did before it was made anew is still told; "" stands for
    requests that were refused before a deployment was chosen.
    """

    __tablename__ = "deployment_metrics"
    __table_args__ = (Index(None, "seconds", "at"),)

    endpoint_id: Mapped[int] = mapped_column(
        ForeignKey("online_endpoints.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    seconds: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    deployment: Mapped[str] = mapped_column(primary_key=True)
    tally: Mapped[dict] = mapped_column(default=dict)
