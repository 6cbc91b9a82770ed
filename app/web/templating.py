"""The Jinja environment. Pages are `name.html`, fragments are `_name.html`."""

import math
from datetime import datetime

from fastapi import Request
from fastapi.templating import Jinja2Templates
from markupsafe import Markup

from app.kit.clock import now
from app.settings import PROJECT
from app.web import markdown
from app.web.addressing import url_for_workspace, workspace_name
from app.web.static import static


def _context(request: Request) -> dict:
    caller = getattr(request.state, "caller", None)
    workspace = caller.workspace if caller and caller.workspace else None
    name = workspace.name if workspace else workspace_name(request)
    return {
        "caller": caller,
        "workspace": workspace,
        "url": lambda path: url_for_workspace(name, path),
        "csrf_token": getattr(request.state, "csrf_token", ""),
        "server": str(request.base_url).rstrip("/").removesuffix(request.scope.get("root_path", "")),
        "now": now(),
    }


templates = Jinja2Templates(directory=PROJECT / "templates", context_processors=[_context])
environment = templates.env
environment.trim_blocks = environment.lstrip_blocks = True
environment.globals["static"] = static

UNITS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def ago(at: datetime | None) -> str:
    if at is None:
        return "never"
    seconds = (now() - at).total_seconds()
    for size, unit in UNITS:
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now" if seconds < 10 else f"{int(seconds)} seconds ago"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def in_bytes(size: int | None) -> str:
    value = float(size or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def number(value: float | None) -> str:
    """A metric's value, short enough for a table."""
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "∞" if value > 0 else "−∞"
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.5g}"


def datetime_iso(at: datetime | None) -> str:
    return at.isoformat(timespec="seconds") if at else ""


environment.filters.update(ago=ago, duration=duration, bytes=in_bytes, number=number, datetime_iso=datetime_iso)
environment.filters["markdown"] = lambda text: Markup(markdown.render(text))
