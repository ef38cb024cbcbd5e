"""Challengers: models that score beside the one in use, learn for themselves, and alert nobody.

Reading order: `challenge` (what differs from the service's own model), `tally` (what is compared),
`shadow` (one challenger on one partition), `found_alerts` (which alerts verdicts are held against),
`standing` (what the service keeps of a challenger, and how it grows), `compared` (what is told of it).
"""
