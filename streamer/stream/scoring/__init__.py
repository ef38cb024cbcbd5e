"""The edge around the pipeline: partitions come and go, batches arrive, outcomes are handed on.

Reading order: `scoring` (a batch), `resume` (where to go on), `claiming` (one partition), `claims`
(all of them).
"""
