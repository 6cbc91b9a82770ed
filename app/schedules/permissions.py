from app.access.permissions import Action

READ = Action("schedules/read", "See schedules and the jobs that they submitted")
WRITE = Action("schedules/write", "Make, change, trigger and delete schedules", audited=True)
