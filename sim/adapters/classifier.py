"""The simulator as an estimator in the manner of scikit-learn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, Self

import numpy as np

from hwcompress.errors import InputError, UnsupportedError
from hwcompress.ir import ArgMax, Graph, TopK
from hwcompress.sim.adapters.real import HasGraph, RealSimulator
from hwcompress.sim.decisions import class_count, decide, decides, single_boundary

__all__ = ["SimulatedClassifier"]

Given = np.ndarray | Sequence[np.ndarray] | Mapping[str, np.ndarray]


class SimulatedClassifier:
    """A fitted classifier whose decisions are those of the bit-exact simulator.

    Its first output decides: the largest value wins, the first one on a tie; a single value
    decides by its sign (or against one half if it cannot be negative).

    Args:
        model: an imported model (:func:`hwcompress.running.load_model`), or a graph.
        classes: labels of the classes, in the order of the outputs; by default 0, 1, ...
        threads, batch, memory: of the :class:`hwcompress.sim.Simulator`.

    Attributes:
        classes_: the labels, as an array.

    Raises:
        InputError: the model does not decide between classes, or has another number of them.
    """

    _estimator_type = "classifier"

    def __init__(
        self,
        model: Graph | HasGraph,
        *,
        classes: Sequence[Any] | np.ndarray | None = None,
        threads: int | None = None,
        batch: int | None = None,
        memory: int | None = None,
    ) -> None:
        self.model = model
        self.classes = classes
        self.threads = threads
        self.batch = batch
        self.memory = memory
        self._real = RealSimulator(model, threads=threads, batch=batch, memory=memory)
        graph = self._real.graph
        count = class_count(graph)
        if not decides(graph):
            raise InputError(
                "the first output does not decide between classes",
                where=graph.name,
                why=f"it has the shape {graph.tensors[graph.outputs[0].inputs[0]].shape}",
                remedy="use SimulatedModule, which gives the outputs themselves",
            )
        self.classes_ = np.arange(count) if classes is None else np.asarray(classes)
        if self.classes_.shape != (count,):
            raise InputError(
                f"{self.classes_.size} classes for a model with {count}", where=graph.name
            )

    def predict(self, x: Given) -> np.ndarray:
        """Labels ``(n,)``.

        Args:
            x: real samples ``(n, *shape)``, or ``(n, features)`` with each sample flattened
                in the source's order; of several inputs a sequence or a mapping by name.

        Raises:
            InputError: the samples do not fit.
        """
        return np.asarray(self.classes_[decide(self._real.graph, self._first(x))])

    def predict_scores(self, x: Given) -> np.ndarray:
        """Real values of the first output, float64 ``(n, outputs)``.

        Raises:
            UnsupportedError: the network ends with ArgMax or TopK, so it gives none.
        """
        graph = self._real.graph
        if isinstance(graph.producer(graph.outputs[0].inputs[0]), ArgMax | TopK):
            raise UnsupportedError(
                "the network gives classes, not scores",
                where=graph.name,
                why="its last operation is ArgMax or TopK",
                remedy="use predict, or leave that operation out of the model",
            )
        real = self._first(x)
        return real.reshape(len(real), -1)

    def decision_function(self, x: Given) -> np.ndarray:
        """Scores ``(n, classes)``; with two classes ``(n,)``, above zero for the second one.

        Raises:
            UnsupportedError: as of :meth:`predict_scores`.
        """
        scores = self.predict_scores(x)
        if scores.shape[1] == 1:
            return scores[:, 0] - single_boundary(self._real.graph)
        return scores[:, 1] - scores[:, 0] if scores.shape[1] == 2 else scores

    def score(self, x: Given, y: np.ndarray, sample_weight: np.ndarray | None = None) -> float:
        """Share of right labels, perhaps weighted."""
        right = self.predict(x) == np.asarray(y)
        return float(np.average(right, weights=sample_weight))

    def fit(self, x: Given, y: object = None) -> NoReturn:
        """Refused: the network is what it is."""
        raise UnsupportedError(
            "a simulated network is not trained",
            where=self._real.graph.name,
            remedy="train the source model; cross-checks that call fit take"
            " sklearn.frozen.FrozenEstimator(...) of this one",
        )

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The constructor's arguments."""
        names = ("model", "classes", "threads", "batch", "memory")
        return {name: getattr(self, name) for name in names}

    def set_params(self, **parameters: Any) -> Self:
        """Change some of them.

        Raises:
            InputError: there is no such parameter.
        """
        known = self.get_params()
        for name in parameters:
            if name not in known:
                raise InputError(f"no parameter {name!r}", remedy=f"there are {', '.join(known)}")
        type(self).__init__(self, **{**known, **parameters})
        return self

    def _first(self, x: Given) -> np.ndarray:
        if isinstance(x, Mapping):
            samples: Sequence[np.ndarray] | Mapping[str, np.ndarray] = x
        else:
            single = len(self._real.inputs) == 1
            samples = [self._shaped(np.asarray(x))] if single else list(x)
        return self._real.before_host(samples)[0]

    def _shaped(self, x: np.ndarray) -> np.ndarray:
        """Samples of the only input; flat ones in its shape."""
        shape = self._real.graph.inputs[0].source_shape
        flat = x.ndim == 2 and len(shape) != 1 and x.shape[1] == math.prod(shape)
        return x.reshape(-1, *shape) if flat else x

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Any:
        from sklearn.utils import ClassifierTags, InputTags, Tags, TargetTags

        return Tags(
            estimator_type="classifier",
            target_tags=TargetTags(required=True),
            transformer_tags=None,
            regressor_tags=None,
            classifier_tags=ClassifierTags(),
            input_tags=InputTags(two_d_array=True, three_d_array=True),
        )

    def __repr__(self) -> str:
        return f"SimulatedClassifier({self._real.graph.name!r}, {self.classes_.size} classes)"
