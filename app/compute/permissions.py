from app.access.permissions import Action

READ = Action("compute/read", "See the workers, computes and queues, and what they do")
WRITE = Action("compute/write", "Make, change and delete computes", audited=True)
QUEUES = Action("queues/write", "Make, weigh, limit and delete queues", audited=True, scope="organisation")
