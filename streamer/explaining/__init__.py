"""From a score to what a person can act on: an alert, why, and what would have been quiet.

Reading order: `alerts` (a message with everything in it), `findings` (its numbers), with `parts` (exact
additive ones) and `counterfactual` (the smaller amount that would not alert), `reasons`, `wording`,
`centers` (the same in words), `grouping` (which alerts are one item), `parameters` (what they were
computed from, which goes with the alert), `read_parameters` and `explanation` (from an alert back to
its score).
"""
