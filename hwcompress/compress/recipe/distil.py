"""Learning from a teacher's answers beside the labels."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from hwcompress.compress.feeding import tensors
from hwcompress.compress.outputs import before_host, ends_in_softmax
from hwcompress.compress.recipe.registry import Step, step
from hwcompress.compress.recipe.state import State
from hwcompress.errors import InputError
from hwcompress.samples import sample_rows

__all__ = ["Distil"]

_TEACHER, _SOFTMAX = "teacher", "softmax"


@step("distil")
@dataclass(frozen=True, kw_only=True)
class Distil(Step):
    """Learn the float model's answers beside the labels, in the training that follows.

    Hinton, Vinyals and Dean (2015), section 2: the loss becomes
    ``share * T^2 * KL(softmax(teacher / T) || softmax(student / T)) + (1 - share) * CE``.

    Attributes:
        temperature: ``T``; more of it shows more of what the teacher thinks of wrong classes.
        share: of the teacher in the loss, from 0 to 1.
        teacher: ``original``, the module that the recipe was given, or ``current``, the module
            as the steps before this one have made it.
    """

    temperature: float = 4.0
    share: float = 0.5
    teacher: Literal["original", "current"] = "original"

    def __post_init__(self) -> None:
        if not (0 < self.temperature < float("inf") and 0 <= self.share <= 1):
            raise InputError(
                f"temperature {self.temperature:g}, share {self.share:g}",
                where=self.where,
                remedy="give a temperature above 0 and a share from 0 to 1",
            )

    def prepare(self, state: State) -> None:
        given = state.original if self.teacher == "original" else state.module
        teacher = copy.deepcopy(given).eval().requires_grad_(requires_grad=False)
        some = tensors(sample_rows(state.data.x, slice(2)))
        state.objects(self).update(
            {_TEACHER: teacher, _SOFTMAX: int(ends_in_softmax(teacher, some))}
        )

    def penalty(self, state: State) -> torch.Tensor | None:
        assert state.batch is not None
        objects = state.objects(self)
        teacher, softmax = objects[_TEACHER], objects[_SOFTMAX]
        assert isinstance(teacher, nn.Module)
        assert isinstance(softmax, int)
        with torch.no_grad():
            wanted = before_host(teacher, state.batch.inputs, softmax)
        heat = self.temperature
        distance = functional.kl_div(
            functional.log_softmax(state.batch.outputs / heat, dim=1),
            functional.log_softmax(wanted / heat, dim=1),
            log_target=True,
            reduction="batchmean",
        )
        # The loop's loss is the cross-entropy; what is added makes it the sum above.
        return self.share * (heat**2 * distance - state.batch.loss)
