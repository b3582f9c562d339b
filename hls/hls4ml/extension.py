"""Our layers in hls4ml's Extension API: registration and C++ templates.

Imports hls4ml; everything above it in this package does not.
"""

from __future__ import annotations

from pathlib import Path

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.layers import Layer, layer_map, register_layer

from hwcompress.hls.hls4ml.layer_classes import LAYERS, Form

__all__ = ["BACKEND", "register"]

BACKEND = "Vitis"


class _Config(LayerConfigTemplate):  # type: ignore[misc]
    def __init__(self, layer_class: type[Layer], form: Form) -> None:
        super().__init__(layer_class)
        self.template = form.struct

    def format(self, node: Layer) -> str:
        text: str = self.template.format(**self._default_config_params(node))
        return text


class _Call(FunctionCallTemplate):  # type: ignore[misc]
    """``f<input, output, config>(input, output, tables...)``, or for a layer with several
    inputs or none ``f<config>(output, tables..., inputs...)``."""

    def __init__(self, layer_class: type[Layer], form: Form) -> None:
        super().__init__(layer_class, include_header=[f"nnet_utils/{form.header}"])
        self.form = form

    def format(self, node: Layer) -> str:
        tables = [node.get_weights(table).name for table in self.form.tables]
        if self.form.joins:
            types = f"config{node.index}"
            sources = [node.get_input_variable(source).name for source in node.inputs]
            arguments = [node.get_output_variable().name, *tables, *sources]
        else:
            params = self._default_function_params(node)
            types = ", ".join(params[name] for name in ("input_t", "output_t", "config"))
            arguments = [params["input"], params["output"], *tables]
        return f"hwc::{self.form.function}<{types}>({', '.join(arguments)});"


def register() -> None:
    """Enter our layers into hls4ml, once a process."""
    first = next(iter(LAYERS))
    if first.__name__ in layer_map:
        return
    backend = get_backend(BACKEND)
    for header in sorted({form.header for form in LAYERS.values()}):
        backend.register_source(Path(__file__).parent / "nnet" / header)
    for layer_class, form in LAYERS.items():
        register_layer(layer_class.__name__, layer_class)
        # register_template() wants a class without arguments.
        backend.register_template(lambda cls=layer_class, form=form: _Config(cls, form))
        backend.register_template(lambda cls=layer_class, form=form: _Call(cls, form))
