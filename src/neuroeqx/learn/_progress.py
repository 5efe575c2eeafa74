"""One line on standard error that says how far training has come."""

import sys
import time


class Progress:
    """A line that is written over as training goes on.

    **Arguments:**

    - `epochs`, `per_epoch`: how many there are to do, and of how many steps.
    - `shown`: `False`: nothing is written.
    """

    def __init__(self, epochs: int, per_epoch: int, shown: bool):
        self.epochs, self.per_epoch, self.shown, self.width = epochs, per_epoch, shown, 0
        # The time and the number of steps from which what is left is estimated: the first ones compile.
        self.began: float | None = None
        self.first = 0

    def step(self, epoch: int, index: int) -> None:
        """Within an epoch, `index` steps of which are done."""
        self._write(f"epoch {epoch + 1}/{self.epochs}  step {index}/{self.per_epoch}  {self._left(epoch, index)}")

    def epoch(self, epoch: int, found: dict[str, float]) -> None:
        """At the end of an epoch."""
        shown = "  ".join(f"{name} {value:.4g}" for name, value in found.items())
        self._write(f"epoch {epoch + 1}/{self.epochs}  {shown}  {self._left(epoch, self.per_epoch)}")

    def stop(self) -> None:
        """Let the last line stand."""
        if self.width:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def _left(self, epoch: int, index: int) -> str:
        done = epoch * self.per_epoch + index
        if self.began is None:
            self.began, self.first = time.perf_counter(), done
        if done == self.first:
            return ""
        took = time.perf_counter() - self.began
        left = took / (done - self.first) * (self.epochs * self.per_epoch - done)
        return f"{left:.0f} s left" if left >= 0.5 else f"{took:.0f} s"

    def _write(self, line: str) -> None:
        if not self.shown:
            return
        # What is left of a longer line is blanked.
        sys.stderr.write("\r" + line.ljust(self.width))
        sys.stderr.flush()
        self.width = len(line)
