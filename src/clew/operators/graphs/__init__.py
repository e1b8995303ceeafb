"""Triplets, hyperedges and what spreads along links."""
