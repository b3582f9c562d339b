"""From a PyTorch model to a verified FPGA design."""

__version__ = "0.1.0"

__all__ = ["__version__"]
