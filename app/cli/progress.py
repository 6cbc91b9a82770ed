"""Shows on standard error how far a long command is: a bar on a terminal, a line for each step elsewhere."""

import shutil
import sys
import time

_WIDTH = 24
# Redrawing more often than this is not seen.
_SECONDS = 0.1


class Progress:
    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._step = ""
        self._drawn = 0.0

    def __call__(self, step: str, done: int, of: int | None) -> None:
        """`done` records of a step, of `of` where that is known."""
        if not self._is_terminal:
            if step != self._step:
                self._print(step[0].upper() + step[1:] + (f" ({of:,})" if of else "") + " …\n")
        elif step != self._step or time.monotonic() - self._drawn > _SECONDS:
            self._drawn = time.monotonic()
            self._print(f"\r\033[K{self._line(step, done, of)}"[: shutil.get_terminal_size().columns + 4])
        self._step = step
        if of and done >= of:
            self.end()

    def _line(self, step: str, done: int, of: int | None) -> str:
        if not of:
            return f"{step}: {done:,}"
        share = min(done / of, 1)
        full = round(share * _WIDTH)
        return f"[{'█' * full}{'·' * (_WIDTH - full)}] {share:4.0%}  {step}: {done:,} of {of:,}"

    def end(self) -> None:
        if self._is_terminal and self._step:
            self._print("\r\033[K")
        self._step = ""

    def _print(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()
