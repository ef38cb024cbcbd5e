"""Trains the rivals' k-means: ``python train.py FEATURES.npy CLUSTERS FOLDER``."""

from __future__ import annotations

import sys
from pathlib import Path

import joblib
import mlflow.sklearn
import numpy as np
from sklearn.cluster import KMeans

features, n_clusters, folder = sys.argv[1], int(sys.argv[2]), Path(sys.argv[3])
model = KMeans(n_clusters, random_state=1, n_init=1).fit(np.load(features))
joblib.dump(model, folder / "kmeans.joblib")
mlflow.sklearn.save_model(model, folder / "mlflow", pip_requirements=["scikit-learn"])
