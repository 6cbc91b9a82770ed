from app.access.permissions import Action

READ = Action("tracking/evaluation/read", "See evaluation datasets and scorers")
WRITE = Action(
    "tracking/evaluation/write", "Make and change evaluation datasets, their records, and scorers", audited=True
)
DELETE = Action("tracking/evaluation/delete", "Delete evaluation datasets, their records, and scorers", audited=True)
