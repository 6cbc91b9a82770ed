"""Readers of MLflow's stores: a folder, a database, a server. They only read, and need no MLflow."""
