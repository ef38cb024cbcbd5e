"""The queue: which alerts are shown, and which of them are one item: pure."""
