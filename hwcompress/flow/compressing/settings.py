"""What `hwcompress compress` was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from hwcompress.flow.request import checked_settings, file_name, model_name
from hwcompress.flow.settings import BuildSettings
from hwcompress.flow.step import Context

__all__ = ["CompressSettings", "compress_folder", "compress_settings", "settings_of"]

_ROOT = "hwc-compress"


@dataclass(frozen=True)
class CompressSettings(BuildSettings):
    """Settings of a build, ``epochs`` being those of the float model, and these:

    Args:
        recipe: name of one that comes with hwcompress, or absolute path of a file.
        synthesize: whether Yosys counts what the designs take.
    """

    FORMAT: ClassVar[str] = "hwcompress-compress-1"
    COMMAND: ClassVar[str] = "compress"

    recipe: str = ""
    synthesize: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.recipe:
            raise ValueError("a recipe is needed")

    @property
    def recipe_file(self) -> Path | None:
        """The user's own file."""
        return Path(self.recipe) if self.recipe.lower().endswith(".toml") else None

    @property
    def trains(self) -> bool:
        """Whether a training set is used, cut off the test set if need be."""
        from hwcompress.compress.recipe import load_recipe

        return super().trains or load_recipe(self.recipe).trains()


def compress_settings(recipe: str, **options: object) -> CompressSettings:
    """Checked settings; a wrong recipe is refused here, before any work.

    Raises:
        InputError: no such recipe, board or file, or a value out of range.
    """
    if recipe.lower().endswith(".toml") and Path(recipe).is_file():
        recipe = str(Path(recipe).resolve())
    settings = checked_settings(CompressSettings, recipe=recipe, **options)
    # After the files, as it loads PyTorch.
    from hwcompress.compress.recipe import load_recipe

    load_recipe(settings.recipe)
    return settings


def compress_folder(settings: CompressSettings, out: Path | None) -> Path:
    """The result folder, absolute: ``out``, or ``./hwc-compress/<model>-<recipe>``."""
    if out is not None:
        return out.absolute()
    recipe = settings.recipe if settings.recipe_file is None else settings.recipe_file.stem
    return Path.cwd() / _ROOT / file_name(f"{model_name(settings)}-{recipe}")


def settings_of(context: Context) -> CompressSettings:
    """The settings of a step of such a folder."""
    assert isinstance(context.settings, CompressSettings)
    return context.settings
