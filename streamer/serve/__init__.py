"""What `serve run streamer.serve:deployment` finds: `streamer serve` as an application of Ray Serve."""

from streamer.serving.on_ray_serve import deployment

__all__ = ["deployment"]
