"""What goes over the wire, and what is counted of it: the ground that every other room stands on.

Reading order: `messages` (what is on each topic), `codes` (the code lists that they refer to), `batch`
with `record_columns` and `record_format` (what one fetch brought), `ledger` (what became of it),
`pseudonyms`.
"""
