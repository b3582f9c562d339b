"""Synthesis of generated designs: resources, measured by Yosys."""

from hwcompress.hls.synth.cells import Resources
from hwcompress.hls.synth.report import LayerUse, ModuleUse, Share, SynthReport
from hwcompress.hls.synth.vendor import VendorTool, vendor_tools
from hwcompress.hls.synth.yosys import Plan, prepare, synthesize

__all__ = [
    "LayerUse",
    "ModuleUse",
    "Plan",
    "Resources",
    "Share",
    "SynthReport",
    "VendorTool",
    "prepare",
    "synthesize",
    "vendor_tools",
]
