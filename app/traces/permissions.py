from app.access.permissions import Action

READ = Action("tracking/traces/read", "See traces: their spans, inputs, outputs and assessments")
WRITE = Action("tracking/traces/write", "Log traces, their tags and assessments")
DELETE = Action("tracking/traces/delete", "Delete traces", audited=True)
