"""Fitting to a file: choosing the number of clusters and making a version that a worker starts from.

Reading order: `traffic` (features of a file), `curve` (silhouette and stability by k), `choice` (the
rule), `fit` (all of it), `display` and `plot` (what a person sees).  Needs the extra `evaluation`.
"""

from streamer.fitting.fit import DEFAULT_KS, Fit, Request, fit

__all__ = ["DEFAULT_KS", "Fit", "Request", "fit"]
