"""Kafka and Faust: the only package, with `embedded`, that knows of them.

Reading order: `transport` (batches instead of events), `app` (the Faust app: what comes and goes when),
`kafka` and `partitions` (what is read, what is held), `scoring` (what happens to a batch), `publishing`
(nothing twice), `checkpoints` (nothing lost), `judging` (what verdicts teach), `health`.
"""

from streamer.one_thread import multiply_on_one_thread

# Here, since numpy comes with the first module of ours that Faust's own command imports.
multiply_on_one_thread()
