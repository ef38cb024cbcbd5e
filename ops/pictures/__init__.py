"""The pictures of the README, each made from a running stack: `dashboard` and `status`."""
