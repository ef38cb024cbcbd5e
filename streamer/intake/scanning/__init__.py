"""Messages that are the contract's already, from their bytes straight into columns.

One compiled loop (`scanner`) reads a batch.  It takes what it is certain to read as `plain` would, and
leaves everything else to that: what is odd may be slow, and never different.

Reading order: `tokens` (where strings and numbers end), `decimals` (what a number is), `scanned_words`
(names of fields, codes, and what is no name), `scanner` (one payment, and all of them), `batches`.
"""
