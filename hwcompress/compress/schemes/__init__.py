"""Schemes of quantization-aware training and binarization.

``apply_scheme(module, Ternary(act_bits=4), samples)`` puts a scheme into a float module,
``train_classifier`` trains it, ``settle`` makes it plain, ``export_qonnx`` writes it.
"""

from hwcompress.compress.schemes.a2q import AccumulatorWidth, sum_bounds
from hwcompress.compress.schemes.binary import BinaryNetwork, BinaryWeights
from hwcompress.compress.schemes.dorefa import Dorefa
from hwcompress.compress.schemes.integer_only import IntegerOnly
from hwcompress.compress.schemes.lbcnn import LocalBinary, learned_state, load_learned_state
from hwcompress.compress.schemes.learned_bits import LearnedBits, learned_widths
from hwcompress.compress.schemes.log2 import GridNetwork, LogarithmicWeights
from hwcompress.compress.schemes.lsq import FixedPoint, LearnedStep
from hwcompress.compress.schemes.scheme import Scheme, apply_scheme
from hwcompress.compress.schemes.separable import SeparableNetwork, split_kernels
from hwcompress.compress.schemes.settle import settle, weight_levels
from hwcompress.compress.schemes.ternary import Ternary
from hwcompress.compress.schemes.xnor import Xnor

__all__ = [
    "AccumulatorWidth",
    "BinaryNetwork",
    "BinaryWeights",
    "Dorefa",
    "FixedPoint",
    "GridNetwork",
    "IntegerOnly",
    "LearnedBits",
    "LearnedStep",
    "LocalBinary",
    "LogarithmicWeights",
    "Scheme",
    "SeparableNetwork",
    "Ternary",
    "Xnor",
    "apply_scheme",
    "learned_state",
    "learned_widths",
    "load_learned_state",
    "settle",
    "split_kernels",
    "sum_bounds",
    "weight_levels",
]
