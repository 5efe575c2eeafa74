"""What `python -m neuroeqx train` trains."""

from ._tasks import TASKS as TASKS
