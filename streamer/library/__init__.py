"""What a notebook or another program uses of the product: `import streamer` offers it by name.

Reading order: `detector` (payments in, scores and alerts out, learning on the way), `given_payments`
(dicts and data frames as they are given), `results` (what comes back, as records and as columns),
`online_kmeans` (the model alone, over features of one's own, by river's interface).
"""
