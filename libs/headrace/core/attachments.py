"""Files that belong to a record: what a source says of them, and how a target gets their content.

The content does not travel in the event. The source's worker stores it once, the event carries a reference to where it
lies, and the target's worker reads it there: a target never needs the source's credentials.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from headrace.core.event import Ref

if TYPE_CHECKING:
    from headrace.core.contracts import Record


DESCRIBED: Mapping[str, str] = {
    "attachment_id": "string",
    "name": "string",
    "media_type": "string",
    "content": "object",
}
"""Names and type words of a file in the record's list `attachments`, for `ObjectDescription`: the pipeline fills it."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a record.

    `id` names the content: it stays while that stays the same, unlike a link that expires. `name` is a file name with
    its ending, `media_type` such as application/pdf.
    """

    id: str
    name: str
    media_type: str


@runtime_checkable
class Attached(Protocol):
    """A source whose records have files."""

    def attachments(self, record: Record) -> Sequence[Attachment]:
        """Return the files of a record; nothing is read."""

    def read(self, ref: Ref, attachment: Attachment) -> AsyncIterator[bytes]:
        """Yield the content of a file, in parts.

        Raises:
            RetryLater: not now. StopConnection: an operator must act. RejectRecord: it is gone, or not what was said.
        """


class Attachments(Protocol):
    """Where stored content is read, by the reference that the event carries."""

    async def read(self, reference: Mapping[str, Any]) -> bytes:
        """Return the whole content, checked against its length and SHA-256.

        Args:
            reference: the canonical attachment (`schemas/common/attachment.avsc`), as mappings hand it on.

        Raises:
            RejectRecord: it is no longer there, or damaged; reading the record anew stores it again.
        """

    def parts(self, reference: Mapping[str, Any]) -> AsyncIterator[bytes]:
        """Yield the content in parts, for files that are too large for memory; checked when the last one was given.

        Whoever sends it on keeps it in a temporary file first: what was given is believed only at the end, and a
        body that is sent must be whole.

        Raises:
            RejectRecord: as `read`, after the last part.
        """
