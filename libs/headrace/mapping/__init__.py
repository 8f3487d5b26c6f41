"""Mapping documents: a system's record → canonical data, and a canonical event → steps on a target (design §8)."""

from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.inward import map_in
from headrace.mapping.loading import Problem, load, load_directory, parse
from headrace.mapping.outward import fill, map_out
from headrace.mapping.results import Explained, Mapped, Plan, PlannedStep, Skipped
from headrace.mapping.running import InContext, Missing, OutContext, Reference, StepValue

__all__ = [
    "Explained",
    "InContext",
    "InMapping",
    "Mapped",
    "Missing",
    "OutContext",
    "OutMapping",
    "Plan",
    "PlannedStep",
    "Problem",
    "Reference",
    "Skipped",
    "StepValue",
    "fill",
    "load",
    "load_directory",
    "map_in",
    "map_out",
    "parse",
]
