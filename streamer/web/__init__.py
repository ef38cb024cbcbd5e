"""What the HTTP servers of `serving` and `console` have in common: limits on the head of a request."""
