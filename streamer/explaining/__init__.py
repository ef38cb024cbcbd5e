"""From a score to what a person can act on: an alert, why, and what would have been quiet.

Reading order: `alerts` (a message with everything in it), `findings` (its numbers: exact additive
parts, and with `counterfactual` the smaller amount that would not alert), `reasons` and `centers` (the
same in words), `explanation` (from an alert back to its score).
"""
