FROM python:3.11-slim
RUN apt-get update && apt-get install -y --no-install-recommends git make && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/atelier
COPY . .
RUN make .venv/.server .environments/.curated && .venv/bin/python -m compileall -q app workers migrations
ENV PATH="/opt/atelier/.venv/bin:$PATH"
