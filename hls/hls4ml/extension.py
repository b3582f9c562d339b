"""Our layers in hls4ml's Extension API: classes, C++ templates and headers.

Imports hls4ml; everything above it in this package does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hls4ml.backends import get_backend
from hls4ml.backends.template import FunctionCallTemplate, LayerConfigTemplate
from hls4ml.model.attributes import Attribute, TypeAttribute, WeightAttribute
from hls4ml.model.layers import Layer, layer_map, register_layer

__all__ = ["BACKEND", "register"]

BACKEND = "Vitis"
_HEADERS = ("hwc_argmax.h", "hwc_scalar.h", "hwc_window.h")


class _Tabled(Layer):  # type: ignore[misc]
    """A layer with constant tables of exact type; ``tables`` are their names."""

    tables: tuple[str, ...] = ()
    _expected_attributes: tuple[Any, ...] = ()

    def initialize(self) -> None:
        self.add_output_variable(self._shape())
        for table in self.tables:
            self.add_weights_variable(name=table, var_name=table + "{index}")

    def _shape(self) -> list[int]:
        return list(self.get_input_variable().shape)


class HwcThreshold(_Tabled):
    """``hwc::threshold`` of nnet/hwc_scalar.h."""

    tables = ("threshold", "sign")
    _expected_attributes = (
        Attribute("n_in"),
        Attribute("n_chan"),
        Attribute("n_rows"),
        Attribute("n_steps"),
        WeightAttribute("threshold"),
        WeightAttribute("sign"),
        TypeAttribute("threshold"),
        TypeAttribute("sign"),
        TypeAttribute("accum"),
    )


class HwcRescale(_Tabled):
    """``hwc::rescale`` of nnet/hwc_scalar.h."""

    tables = ("mul", "add", "shift")
    _expected_attributes = (
        Attribute("n_in"),
        Attribute("n_chan"),
        Attribute("n_rows"),
        WeightAttribute("mul"),
        WeightAttribute("add"),
        WeightAttribute("shift"),
        TypeAttribute("mul"),
        TypeAttribute("add"),
        TypeAttribute("shift"),
        TypeAttribute("accum"),
    )


class HwcCopy(_Tabled):
    """``hwc::copy`` of nnet/hwc_scalar.h."""

    _expected_attributes = (Attribute("n_in"), Attribute("n_chan"))


class HwcArgMax(_Tabled):
    """``hwc::argmax`` of nnet/hwc_argmax.h."""

    _expected_attributes = (Attribute("n_in"),)

    def _shape(self) -> list[int]:
        return [1]


class _Window(_Tabled):
    _expected_attributes: tuple[Any, ...] = (TypeAttribute("window"), TypeAttribute("accum"))

    def initialize(self) -> None:
        super().initialize()
        self._set_type_t("window")

    def _shape(self) -> list[int]:
        return [self.attributes[size] for size in ("out_height", "out_width", "n_filt")]


class HwcMaxPool(_Window):
    """``hwc::max_pool`` of nnet/hwc_window.h."""


class HwcSumPool(_Window):
    """``hwc::sum_pool`` of nnet/hwc_window.h."""


class HwcCorrelation(_Window):
    """``hwc::correlation`` of nnet/hwc_window.h."""

    _expected_attributes = (
        WeightAttribute("weight"),
        WeightAttribute("bias"),
        TypeAttribute("weight"),
        TypeAttribute("bias"),
    )

    def initialize(self) -> None:
        super().initialize()
        self.add_weights()
        self.add_bias()


_NUMBERS = "    static const unsigned {0} = {{{0}}};\n"
_BOUNDS = "    static const long long {0} = {{{0}}}LL;\n"
_TYPES = "    typedef {{{0}_t.name}} {0}_t;\n"


def _struct(base: str, numbers: str, bounds: str, types: str, more: str = "") -> str:
    lines = [_NUMBERS.format(name) for name in [*numbers.split(), "reuse_factor"]]
    lines += [_BOUNDS.format(name) for name in bounds.split()]
    lines += [_TYPES.format(name) for name in types.split()]
    return f"struct config{{index}} : hwc::{base} {{{{\n{''.join(lines)}{more}}}}};\n"


_WINDOW = (
    "in_height in_width n_chan out_height out_width n_filt kernel_height kernel_width"
    " stride_height stride_width dilation_height dilation_width"
    " pad_top pad_left pad_bottom pad_right groups"
)

# class -> (header, function, tables in the order of its arguments, config struct)
_LAYERS: dict[type[Layer], tuple[str, str, tuple[str, ...], str]] = {
    HwcThreshold: (
        "hwc_scalar.h",
        "threshold",
        HwcThreshold.tables,
        _struct(
            "threshold_config", "n_in n_chan n_rows n_steps", "lo step", "threshold sign accum"
        ),
    ),
    HwcRescale: (
        "hwc_scalar.h",
        "rescale",
        HwcRescale.tables,
        _struct(
            "rescale_config",
            "n_in n_chan n_rows",
            "lo hi",
            "mul add shift accum",
            "    static const bool half_even = {half_even};\n",
        ),
    ),
    HwcCopy: ("hwc_scalar.h", "copy", (), _struct("copy_config", "n_in n_chan", "", "")),
    HwcArgMax: ("hwc_argmax.h", "argmax", (), _struct("argmax_config", "n_in", "", "")),
    HwcMaxPool: (
        "hwc_window.h",
        "max_pool",
        (),
        _struct("window_config", _WINDOW, "pad_value", "window accum"),
    ),
    HwcSumPool: (
        "hwc_window.h",
        "sum_pool",
        (),
        _struct("window_config", _WINDOW, "pad_value", "window accum"),
    ),
    HwcCorrelation: (
        "hwc_window.h",
        "correlation",
        ("weight", "bias"),
        _struct("window_config", _WINDOW, "pad_value", "window accum weight bias"),
    ),
}


class _Config(LayerConfigTemplate):  # type: ignore[misc]
    def __init__(self, layer_class: type[Layer], text: str) -> None:
        super().__init__(layer_class)
        self.template = text

    def format(self, node: Layer) -> str:
        text: str = self.template.format(**self._default_config_params(node))
        return text


class _Call(FunctionCallTemplate):  # type: ignore[misc]
    def __init__(
        self, layer_class: type[Layer], header: str, function: str, tables: tuple[str, ...]
    ) -> None:
        super().__init__(layer_class, include_header=[f"nnet_utils/{header}"])
        self.function = function
        self.tables = tables

    def format(self, node: Layer) -> str:
        params = self._default_function_params(node)
        arguments = [params["input"], params["output"]]
        arguments += [node.get_weights(table).name for table in self.tables]
        types = ", ".join(params[name] for name in ("input_t", "output_t", "config"))
        return f"hwc::{self.function}<{types}>({', '.join(arguments)});"


def register() -> None:
    """Enter our layers into hls4ml, once a process."""
    if HwcThreshold.__name__ in layer_map:
        return
    backend = get_backend(BACKEND)
    for header in _HEADERS:
        backend.register_source(Path(__file__).parent / "nnet" / header)
    for layer_class, (header, function, tables, text) in _LAYERS.items():
        register_layer(layer_class.__name__, layer_class)
        # register_template() wants a class without arguments.
        backend.register_template(lambda cls=layer_class, text=text: _Config(cls, text))
        backend.register_template(
            lambda cls=layer_class, header=header, function=function, tables=tables: _Call(
                cls, header, function, tables
            )
        )
