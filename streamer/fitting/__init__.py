"""Fitting to a file: choosing the number of clusters and making a version that a worker starts from.

Reading order: `file_features` (features of a file), `curve` (silhouette and stability by k),
`choosing` (the rule), `fit` (all of it), `plot` (what a person sees).  Needs the extra packages of
``streamer-fraud[evaluation]``.
"""

from streamer.fitting.fit import DEFAULT_KS, Fit, Request, fit

__all__ = ["DEFAULT_KS", "Fit", "Request", "fit"]
