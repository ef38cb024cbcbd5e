"""Kafka and Faust: the only package, with `embedded`, that knows of them.

Reading order: `transport` (batches instead of events), `app` (the Faust app), `worker` (what happens
to a batch), `checkpointing` and `recovery` (nothing lost, nothing twice), `publisher`, `topics`,
`preflight`, `endpoints`.
"""

from streamer.one_thread import multiply_on_one_thread

# Here, since numpy comes with the first module of ours that Faust's own command imports.
multiply_on_one_thread()
