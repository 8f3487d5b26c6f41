"""A local RecordEngine: documents are uploaded, read, checked by people, and exported by webhook; with a ledger."""
