"""RecordEngine: documents up to be read, what was read of them back."""
