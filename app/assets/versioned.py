"""What every named, versioned asset has in common: how it is found, listed, numbered, labelled and archived."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.orm import Session

from app.assets.names import check_name, check_version
from app.errors import AlreadyExists, NotFound
from app.kit.clock import now
from app.kit.paging import Page, ordering, paginate

LATEST = "latest"
SHOWN_IN_ERRORS = 10


@dataclass(frozen=True)
class Versioned:
    """A kind of asset: the table of its names and the table of its versions.

    `asset` has the columns id, workspace_id, name, archived, created_at and updated_at; `version` has id, version,
    archived, the relationship `owner` to its asset and the column `owner`_id. The newest version is the one that is
    highest by `order`. `read` turns the text of a version into the column's value, and `labelled` finds what a label
    other than `latest` names. `called` is the column of the names that versions have beside their numbers.
    """

    noun: str
    asset: type
    version: type
    owner: str = "asset"
    order: str = "id"
    read: Callable[[str], Any] = str
    labelled: Callable[[Session, Any, str], Any] | None = None
    called: str | None = None

    def find(self, session: Session, workspace_id: int, name: str) -> Any | None:
        named = select(self.asset).where(self.asset.workspace_id == workspace_id, self.asset.name == name)
        return session.scalar(named)

    def get(self, session: Session, workspace_id: int, name: str) -> Any:
        asset = self.find(session, workspace_id, name)
        if asset is None:
            raise NotFound(f"There is no {self.noun} {name!r}.", target="name")
        return asset

    def of(self, asset: Any) -> Select:
        """All versions of an asset."""
        return select(self.version).where(self._owner_id == asset.id)

    def versions(
        self, session: Session, asset: Any, *, archived: bool | None = None, number: int = 1, size: int = 50
    ) -> Page:
        """Newest first, those that are archived, those that are not, or both."""
        found = self.of(asset) if archived is None else self.of(asset).where(self.version.archived == archived)
        return paginate(session, found.order_by(self._order.desc()), number, size)

    def get_version(
        self,
        session: Session,
        workspace_id: int,
        name: str,
        version: str | int | None = None,
        label: str | None = None,
    ) -> Any:
        """One version by its number or label; without either, or for `latest`, the newest.

        The newest is the newest that is not archived, where there is one.
        """
        asset = self.get(session, workspace_id, name)
        if version is None and label not in (None, LATEST):
            version = self._labelled(session, asset, label)
        found = self.of(asset)
        if version is not None:
            found = found.where(self.is_version(str(version)))
        row = session.scalar(found.order_by(*self._newest_first).limit(1))
        if row is None:
            raise NotFound(self._no_version(session, asset, version), target="version")
        return row

    def is_version(self, version: str) -> ColumnElement[bool]:
        """Whether a row is the version of that number or name. Raises Invalid for what can be neither."""
        if self.called and not version.isdigit():
            return getattr(self.version, self.called) == check_version(version)
        return self.version.version == self.read(version)

    def _labelled(self, session: Session, asset: Any, label: str) -> Any:
        version = self.labelled(session, asset, label) if self.labelled else None
        if version is None:
            known = "" if self.labelled else f"; the only label is {LATEST!r}"
            raise NotFound(f"{self._titled(asset)} has no label {label!r}{known}.", target="label")
        return version

    def _no_version(self, session: Session, asset: Any, version: str | int | None) -> str:
        if version is None:
            return f"{self._titled(asset)} has no version."
        rows = self.versions(session, asset, size=SHOWN_IN_ERRORS).rows
        known = [str((self.called and getattr(row, self.called)) or row.version) for row in rows]
        told = f"it has {', '.join(known)}" if known else "it has none"
        return f"{self._titled(asset)} has no version {str(version)!r}; {told}."

    def page(
        self,
        session: Session,
        workspace_id: int,
        *where: ColumnElement[bool],
        text: str = "",
        sort: str = "-updated",
        archived: bool | None = False,
        number: int = 1,
        size: int = 50,
    ) -> Page:
        """Rows are pairs of an asset and its newest version, None where it has no version.

        Those that are archived, those that are not, or both where `archived` is None.
        """
        order = ordering(
            sort, {"name": self.asset.name, "created": self.asset.created_at, "updated": self.asset.updated_at}
        )
        found = select(self.asset).where(self.asset.workspace_id == workspace_id, *where)
        if archived is not None:
            found = found.where(self.asset.archived == archived)
        if text:
            found = found.where(self.asset.name.icontains(text, autoescape=True))
        page = paginate(session, found.order_by(order, self.asset.id), number, size)
        newest = self.newest(session, [asset.id for asset in page.rows])
        return page.showing([(asset, newest.get(asset.id)) for asset in page.rows])

    def newest(self, session: Session, asset_ids: Sequence[int]) -> dict[int, Any]:
        """The newest version of each of some assets, by the asset's id."""
        newest = (
            select(self.version.id)
            .where(self._owner_id == self.asset.id)
            .order_by(*self._newest_first)
            .limit(1)
            .correlate(self.asset)
            .scalar_subquery()
        )
        found = (
            select(self.asset.id, self.version)
            .join(self.version, self.version.id == newest)
            .where(self.asset.id.in_(asset_ids))
        )
        return dict(session.execute(found).all())

    def add(
        self,
        session: Session,
        workspace_id: int,
        name: str,
        version: str | None,
        *,
        asset: dict | None = None,
        **values,
    ) -> Any:
        """A new version with these `values`; the asset itself is made, with the values `asset`, where there is none.

        Without a `version` it is one more than the highest whole number. Raises AlreadyExists for one that there is:
        versions do not change. What raises has written nothing.
        """
        owner = self.find(session, workspace_id, check_name(name))
        if version is not None:
            self._check_free(session, owner, check_version(version))
        if owner is None:
            owner = self.asset(workspace_id=workspace_id, name=name, **(asset or {}))
            session.add(owner)
        # The asset's row is written first, so that two who number a version at once take turns.
        owner.updated_at, owner.archived = now(), False
        session.flush()
        made = self.version(version=version or self.next_version(session, owner), **values)
        setattr(made, self.owner, owner)
        session.add(made)
        session.flush()
        return made

    def _check_free(self, session: Session, asset: Any | None, version: str) -> None:
        if asset is None or session.scalar(self.of(asset).where(self.version.version == version)) is None:
            return
        raise AlreadyExists(
            f"{self._titled(asset)} has a version {version!r} already, and versions do not change; leave `version` "
            "out for the next one.",
            target="version",
        )

    def next_version(self, session: Session, asset: Any) -> str:
        """One more than the highest whole number among the versions that there are, however many digits it has."""
        digits = func.ltrim(self.version.version, "0")
        numbers = self.of(asset).where(self.version.version.regexp_match("^[0-9]+$"))
        highest = numbers.with_only_columns(digits).order_by(func.length(digits).desc(), digits.desc()).limit(1)
        return str(int(session.scalar(highest) or 0) + 1)

    def owner_of(self, version: Any) -> Any:
        return getattr(version, self.owner)

    def archive(self, item: Any, archived: bool) -> None:
        """Take an asset or one version out of the lists, or bring it back; what names it goes on as before."""
        item.archived = archived
        if isinstance(item, self.asset):
            item.updated_at = now()

    def _titled(self, asset: Any) -> str:
        return f"{self.noun[0].upper()}{self.noun[1:]} {asset.name!r}"

    @property
    def _owner_id(self):
        return getattr(self.version, f"{self.owner}_id")

    @property
    def _order(self):
        return getattr(self.version, self.order)

    @property
    def _newest_first(self) -> tuple:
        return self.version.archived, self._order.desc()
