"""Load measurements: what the worker does per second, beside what it is compared with.

Reading order: `compare_stock` (the command), `contestants`, `stock` (the apps that the worker is
compared with), `runs` (one measured run), `figures` (rates, medians, the table), `machine`.
"""
