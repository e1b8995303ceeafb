"""Long texts: cut, seen at several granularities, cited sentence by sentence."""
