from app.access.permissions import Action

READ = Action("compute/read", "See the workers and what they do")
