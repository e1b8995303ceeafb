"""Worlds to act in, each found by its module's name: a browser, MiniWoB's tasks in one, text worlds.

All have `reset(config)`, `observe() -> Page`, `act(action) -> str` ("" or what prevented it) and `close()`.
"""
