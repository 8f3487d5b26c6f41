"""Real Kafka and a real schema registry on this machine, without containers, Java or Maven installed (design §9)."""

from headrace.platform.stack.config import StackConfig
from headrace.platform.stack.errors import StackError
from headrace.platform.stack.stack import Stack, StackInfo
from headrace.platform.stack.status import ProcessStatus, StackStatus

__all__ = ["ProcessStatus", "Stack", "StackConfig", "StackError", "StackInfo", "StackStatus"]
