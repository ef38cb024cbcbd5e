"""Load measurements: what the worker does per second, beside what it is compared with.

Reading order: `headline` (the worker beside the decode ceiling) with `headline_rounds`, `peers` (the
worker beside others that do the same job), `contestants` and `runs` (one measured run), `stock` (our
pipeline per event in stock Faust), `figures` (rates, medians), `machine`.
"""
