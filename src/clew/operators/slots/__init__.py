"""Statements of slots read off plain words: what is said, of whom, of which slot, and what a brief turn does to it."""
