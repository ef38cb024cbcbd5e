"""Whether what `streamer serve` answered is what the stream then gave, and why where it is not.

Reading order: `skew_outcomes` (one answer beside one score, pure), `meetings` (which belong together,
pure), `version_order` (which of two versions is newer), `skew_topics` (all of it out of Kafka),
`skew_tally` (counts, metrics and words), `skew_process`.
"""
