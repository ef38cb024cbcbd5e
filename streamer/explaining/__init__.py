"""From a score to what a person can act on: an alert, why, and what would have been quiet.

Reading order: `alerts` (a message with everything in it), `reasons` (exact additive parts, in words),
`counterfactual` (the smaller amount that would not alert), `explanation` (from an alert back to its
score).
"""
