"""Our layers as hls4ml classes, with their C++ function and config struct. Imports hls4ml."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hls4ml.model.attributes import Attribute, TypeAttribute, WeightAttribute
from hls4ml.model.layers import Layer

__all__ = ["LAYERS", "Form"]


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


class HwcTable(_Tabled):
    """``hwc::table`` of nnet/hwc_scalar.h."""

    tables = ("entry",)
    _expected_attributes = (
        WeightAttribute("entry"),
        TypeAttribute("entry"),
        TypeAttribute("accum"),
    )


class _Shaped(_Tabled):
    """A layer whose output has the shape of its attribute ``out_shape``."""

    def _shape(self) -> list[int]:
        return list(self.attributes["out_shape"])


class HwcAdd(_Shaped):
    """``hwc::add`` of nnet/hwc_join.h."""

    tables = ("multiplier",)
    _expected_attributes = (
        WeightAttribute("multiplier"),
        TypeAttribute("multiplier"),
        TypeAttribute("accum"),
    )


class HwcMul(_Shaped):
    """``hwc::mul`` of nnet/hwc_join.h."""


class HwcConcat(_Shaped):
    """``hwc::concat`` of nnet/hwc_join.h."""

    tables = ("width",)
    _expected_attributes = (WeightAttribute("width"), TypeAttribute("width"))


class HwcPick(_Shaped):
    """``hwc::pick`` of nnet/hwc_move.h."""

    tables = ("choice",)
    _expected_attributes = (WeightAttribute("choice"), TypeAttribute("choice"))


class HwcUpsample(_Shaped):
    """``hwc::upsample`` of nnet/hwc_move.h."""


class HwcGather(_Shaped):
    """``hwc::gather`` of nnet/hwc_move.h."""

    tables = ("choice",)
    _expected_attributes = (WeightAttribute("choice"), TypeAttribute("choice"))


class HwcTopK(_Shaped):
    """``hwc::top_k`` of nnet/hwc_argmax.h."""


class HwcConstant(_Shaped):
    """``hwc::constant`` of nnet/hwc_constant.h."""

    tables = ("entry",)
    _expected_attributes = (WeightAttribute("entry"), TypeAttribute("entry"))

    def initialize(self) -> None:
        # Where a layer names no input, hls4ml takes the layer before it.
        self.inputs: list[str] = []
        super().initialize()

    def get_input_variable(self, input_name: str = "") -> Any:
        # Optimizers ask every layer, stock sources excepted by class.
        return super().get_input_variable(input_name) if input_name else self.get_output_variable()


class HwcTransposed(_Shaped):
    """``hwc::deconv`` of nnet/hwc_deconv.h."""

    tables = ("taps", "offset")
    _expected_attributes = (
        WeightAttribute("taps"),
        WeightAttribute("offset"),
        TypeAttribute("taps"),
        TypeAttribute("offset"),
        TypeAttribute("accum"),
    )


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
    " stride_height stride_width dilation_height dilation_width pad_top pad_left groups"
)
_PADDED = _WINDOW + " pad_bottom pad_right"


@dataclass(frozen=True)
class Form:
    """How a layer class looks in C++.

    Attributes:
        header: file of nnet/ that has the function.
        function: its name in namespace ``hwc``.
        struct: template of the config struct.
        tables: constant tables, in the order of the arguments.
        joins: whether it takes several inputs, or none, after output and tables.
    """

    header: str
    function: str
    struct: str
    tables: tuple[str, ...] = ()
    joins: bool = False


def _form(
    function: str,
    header: str,
    numbers: str,
    *,
    base: str = "",
    bounds: str = "",
    types: str = "",
    more: str = "",
    tables: tuple[str, ...] = (),
    joins: bool = False,
) -> Form:
    base = base or f"{function}_config"
    struct = _struct(base, numbers, bounds, types, more)
    return Form(f"hwc_{header}.h", function, struct, tables, joins)


_HALF_EVEN = "    static const bool half_even = {half_even};\n"

LAYERS: dict[type[Layer], Form] = {
    HwcThreshold: _form(
        "threshold", "scalar", "n_in n_chan n_rows n_steps", bounds="lo step",
        types="threshold sign accum", tables=HwcThreshold.tables,
    ),
    HwcRescale: _form(
        "rescale", "scalar", "n_in n_chan n_rows", bounds="lo hi", types="mul add shift accum",
        more=_HALF_EVEN, tables=HwcRescale.tables,
    ),
    HwcTable: _form(
        "table", "scalar", "n_in n_chan n_rows n_entries step", bounds="lo",
        types="entry accum", tables=HwcTable.tables,
    ),
    HwcCopy: _form("copy", "scalar", "n_in n_chan"),
    HwcArgMax: _form("argmax", "argmax", "n_in"),
    HwcTopK: _form("top_k", "argmax", "n_in k"),
    HwcMaxPool: _form(
        "max_pool", "window", _PADDED, base="window_config", bounds="pad_value",
        types="window accum",
    ),
    HwcSumPool: _form(
        "sum_pool", "window", _PADDED, base="window_config", bounds="pad_value",
        types="window accum",
    ),
    HwcCorrelation: _form(
        "correlation", "window", _PADDED, base="window_config", bounds="pad_value",
        types="window accum weight bias", tables=("weight", "bias"),
    ),
    HwcTransposed: _form(
        "deconv", "deconv", _WINDOW, types="accum taps offset", tables=HwcTransposed.tables
    ),
    HwcAdd: _form(
        "add", "join", "n_in n_chan n_rows", types="multiplier accum", tables=HwcAdd.tables,
        joins=True,
    ),
    HwcMul: _form("mul", "join", "n_in n_chan n_gate", joins=True),
    HwcConcat: _form(
        "concat", "join", "n_positions n_chan", types="width", tables=HwcConcat.tables, joins=True
    ),
    HwcConstant: _form(
        "constant", "constant", "n_in n_chan", types="entry", tables=HwcConstant.tables, joins=True
    ),
    HwcPick: _form(
        "pick", "move", "n_positions n_chan n_out", types="choice", tables=HwcPick.tables
    ),
    HwcUpsample: _form(
        "upsample", "move", "in_height in_width n_chan factor_height factor_width"
    ),
    HwcGather: _form("gather", "move", "n_in", types="choice", tables=HwcGather.tables),
}  # fmt: skip
