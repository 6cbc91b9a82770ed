"""Keys of stored files are relative paths that cannot leave the root."""

from app.errors import Invalid


def safe_key(*parts: str) -> str:
    """Join `parts` into a key; raises Invalid for anything that could point outside."""
    pieces = []
    for part in parts:
        if "\x00" in part or "\\" in part or part.startswith("/"):
            raise Invalid(f"{part!r} is not a relative path.", target="path")
        pieces += [piece for piece in part.split("/") if piece not in ("", ".")]
    if ".." in pieces:
        raise Invalid(f"The path {'/'.join(parts)!r} may not hold '..'.", target="path")
    return "/".join(pieces)
