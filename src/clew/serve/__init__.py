"""The doors that listen: REST, MCP, an OpenAI-compatible proxy. Extra `[serve]`; `access`, `keys` and `grant` need none."""
