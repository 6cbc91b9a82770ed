"""The folder of one job on this machine, the only place that its process may write."""

from pathlib import Path


class JobFolder:
    """`work` is where the command starts; `log` is what it printed."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.guest = root / "guest"
        self.work = self.guest / "work"
        self.inputs = self.guest / "inputs"
        self.outputs = self.guest / "outputs"
        self.home = self.guest / "home"
        self.temporary = self.guest / "tmp"
        self.log = root / "std_log.txt"
        for folder in (self.work, self.inputs, self.outputs, self.home, self.temporary):
            folder.mkdir(parents=True, exist_ok=True)
