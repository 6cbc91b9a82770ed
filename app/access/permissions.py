"""Named actions. Every route demands one through `app.access.guard.allow`."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Action:
    """What may be allowed. `audited`: whoever does it leaves an audit record.

    `scope` is `workspace`, or `organisation` for what reaches beyond one, or `self` for what
    everyone may do to what is their own, or `public` for what needs no sign-in.
    """

    name: str
    description: str
    audited: bool = False
    scope: str = "workspace"


PUBLIC = Action("public", "Open to everyone", scope="public")
SIGN_IN = Action("access/signIn", "Sign in and out", scope="public", audited=True)
OWN_ACCOUNT_READ = Action("access/account/read", "See one's own account, tokens and sessions", scope="self")
OWN_ACCOUNT_WRITE = Action("access/account/write", "Change one's own account and tokens", scope="self", audited=True)
READ = Action("access/read", "See who may do what")
WRITE = Action("access/write", "Add people and give them roles", audited=True)
