"""One person over time: sessions, facets, streams, tags."""
