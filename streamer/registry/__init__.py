"""Versions in MLflow's registry: pushed with where they come from, pulled by alias, scored unchanged.

Reading order: `frozen_version` (what a registered version does), `model_folder` (how MLflow knows it),
`lineage_tags`, `mlflow_registry` (the server).  MLflow is imported when a registry is opened and at no
other time; nothing here is on the way of a payment that a worker scores.
"""
