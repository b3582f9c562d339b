"""Data sets: the embedded one, and the user's files."""

from hwcompress.data.adapt import adapt_samples
from hwcompress.data.dataset import (
    Dataset,
    check_labels,
    check_samples,
    stratified_split,
    to_real,
)
from hwcompress.data.digits import digits
from hwcompress.data.load import load_dataset
from hwcompress.data.open_stream import NoTrainingSet, open_stream
from hwcompress.data.several import Shapes, wanted_arrays
from hwcompress.data.stream import Chunk, FileStream, SampleStream, stream_arrays

__all__ = [
    "Chunk",
    "Dataset",
    "FileStream",
    "NoTrainingSet",
    "SampleStream",
    "Shapes",
    "adapt_samples",
    "check_labels",
    "check_samples",
    "digits",
    "load_dataset",
    "open_stream",
    "stratified_split",
    "stream_arrays",
    "to_real",
    "wanted_arrays",
]
