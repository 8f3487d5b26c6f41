"""Mapping documents: a system's record → canonical data, and a canonical event → steps on a target (design §8)."""

from headrace.mapping.documents import InMapping, OutMapping
from headrace.mapping.incoming import Mapped, Skipped, map_in
from headrace.mapping.loading import Problem, load, load_directory, parse
from headrace.mapping.outgoing import Explained, Plan, fill, map_out
from headrace.mapping.running import InContext, Missing, OutContext, Reference, StepValue
from headrace.mapping.steps import PlannedStep

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
