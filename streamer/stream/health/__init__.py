"""What a worker says of itself: is it alive, does it come forward, how far is it.

Reading order: `health` (progress), `watch` (what changes around it), `gauges` and `endpoints` (what
is read of it), `liveness`, `announcing` and `pauses`.
"""
