"""What a notebook or another program uses of the product: `import streamer` offers it by name.

Reading order: `detector` (payments in, scores and alerts out, learning on the way), `given_payments`
(dicts and data frames as they are given) with `frame_rows`, `given_settings` and `given_verdicts`,
`python_hints` (what to do about what was refused),
`results` (what comes back, as records and as columns), `measuring` (how well it does over labelled
payments) and `measured` (the figures), `online_kmeans` (the model alone, over features of one's own, by
river's interface).
"""
