"""REST for the table of images: in which environment a job runs whose file names a container image."""

from fastapi import APIRouter

from app.access.guard import CallerDep, allow, note
from app.environments import images, service
from app.environments.permissions import MANAGE_IMAGES, READ
from app.environments.schemas import ImageRead, ImageWrite
from app.web.session import SessionDep

router = APIRouter(prefix="/images")


@router.get("", response_model=list[ImageRead], dependencies=[allow(READ)])
def table(session: SessionDep, caller: CallerDep) -> list[ImageRead]:
    """In the order in which it is read; the first image that fits is taken."""
    own = [ImageRead.of(row) for row in images.of_workspace(session, caller.workspace.id)]
    return own + [ImageRead(image=image, environment=environment) for image, environment in images.brought()]


@router.put("", response_model=ImageRead, dependencies=[allow(MANAGE_IMAGES)])
def put(new: ImageWrite, session: SessionDep, caller: CallerDep) -> ImageRead:
    """Say what an image stands for, in the place of what was said of the same image before."""
    row = service.put_image(session, caller.workspace.id, new.image, new.environment, created_by=caller.user.name)
    note(session, "environments", f"image {row.image}", after={"environment": row.environment})
    return ImageRead.of(row)


@router.delete("/{image_id}", status_code=204, dependencies=[allow(MANAGE_IMAGES)])
def remove(image_id: int, session: SessionDep, caller: CallerDep) -> None:
    row = service.remove_image(session, caller.workspace.id, image_id)
    note(session, "environments", f"image {row.image}", before={"environment": row.environment})
