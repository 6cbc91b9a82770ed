from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field


class TokenCreate(BaseModel):
    name: str = Field(max_length=100)
    days: int | None = Field(None, ge=1, le=3650, description="Life in days; null: until it is revoked.")


class TokenRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    id: int
    name: str
    hint: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class TokenCreated(TokenRead):
    token: str = Field(description="The secret. It is shown this once.")


class UserCreate(BaseModel):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$")
    display_name: str = ""
    password: str
    role: str = "Reader"


class UserRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    display_name: str
    is_active: bool


class AssignmentCreate(BaseModel):
    user: str
    role: str


class AssignmentRead(BaseModel):
    id: int
    user: str
    role: str
    scope: str


class RoleRead(BaseModel):
    model_config = ConfigDict(from_attributes=True)

    name: str
    description: str
    actions: list[str]


class PasswordChange(BaseModel):
    current_password: str
    new_password: str
