"""The k-means as a Ray Serve deployment: ``python ray_app.py PORT MODEL``, in its environment."""

from __future__ import annotations

import sys
import time
from typing import Any

import joblib
import numpy as np
import ray
from ray import serve


@serve.deployment(num_replicas=1, max_ongoing_requests=128)
class KMeansDeployment:
    """Answers the cluster of each row, as MLflow's server does."""

    def __init__(self, path: str) -> None:
        self._model = joblib.load(path)

    async def __call__(self, request: Any) -> dict[str, list[int]]:
        rows = np.array((await request.json())["inputs"])
        return {"predictions": self._model.predict(rows).tolist()}


port, model = int(sys.argv[1]), sys.argv[2]
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
serve.start(http_options={"host": "127.0.0.1", "port": port}, logging_config={"log_level": "ERROR"})
serve.run(
    KMeansDeployment.bind(model), logging_config={"log_level": "ERROR", "enable_access_log": False}
)
while True:
    time.sleep(60)
