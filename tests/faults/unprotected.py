"""The processor of F&O with its effect protocol switched off: no INTENT, no VERIFY, no look before a create.

It is the control of the matrix, which must notice. Only this harness runs it; no setting of the product leads here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping

from headrace.cli.demo.payables import TradeDeployment
from headrace.connectors.dynamics_fo import CONNECTOR
from headrace.core.contracts import Found, Operation
from headrace.pipeline import assembly
from headrace.pipeline.effects import Done, Effects, Note
from headrace.pipeline.service import main, process_targets
from headrace.pipeline.state import EffectState


class Unprotected(Effects):
    """Calls, and calls again when it does not know what became of a call."""

    async def _intend(self, state: EffectState, operation: Operation, attempt: int) -> EffectState:
        return state

    async def _look(self, operation: Operation) -> Found | None:
        return None

    async def _settle_unknown(self, state: EffectState, operation: Operation, note: Note) -> Done | None:
        return None


class UnprotectedDeployment(TradeDeployment):
    """The usual systems and services, but for this one."""

    modules: Mapping[str, tuple[str, str]] = {
        **TradeDeployment.modules,
        "processor": ("tests.faults.unprotected", "HEADRACE_METRICS_PORT"),
    }


if __name__ == "__main__":
    assembly.Effects = Unprotected
    main("unprotected", process_targets, (CONNECTOR,), sys.argv[1:])
