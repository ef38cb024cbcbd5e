"""Scoring on request: the stream's model and the stream's state of cards, asked over HTTP.

Reading order: `partitioners` (where a new card will go), `card_states` (what is kept of those who
pay), `questions` (messages to payments), `answering` (payments to answers, pure), `answerer` (all at
once), `versions_in_use`, `admission`, `trusted_proxies` and `rate_limits` (how much is taken on, and
from whom), `decision_log` (what was answered, to a topic), `serving` (all of it together) and
`serving_tenants` (several of it); then the doors: `early_refusal` and `http_requests`, `native_door`,
`tensors` and `open_inference_door`, `grpc_messages` and `grpc_door`, `mlflow_door`, `tenants_door`;
`openapi` and its `openapi_parts`; `observing`, `serve_gauges` and `serve_metrics` (what is seen of it);
`serve_process`, `on_ray_serve`.
"""
