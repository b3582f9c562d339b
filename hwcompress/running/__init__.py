"""Running the simulator over data of any size, from the command line and from Python."""

from hwcompress.running.facts import RangeFacts, RunFacts, Score
from hwcompress.running.load import load_model
from hwcompress.running.models import Runnable
from hwcompress.running.requests import RunOptions, RunRequest, evaluate, run_request

__all__ = [
    "RangeFacts",
    "RunFacts",
    "RunOptions",
    "RunRequest",
    "Runnable",
    "Score",
    "evaluate",
    "load_model",
    "run_request",
]
