from app.access.permissions import Action

READ = Action("tracking/reviews/read", "See review queues, their questions and what waits in them")
WRITE = Action("tracking/reviews/write", "Make review queues and questions, and review what waits", audited=True)
DELETE = Action("tracking/reviews/delete", "Delete review queues and questions", audited=True)
