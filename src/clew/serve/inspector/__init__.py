"""The inspector: web pages on a memory, for people; plain HTML, one stylesheet, a little script that every page does without."""
