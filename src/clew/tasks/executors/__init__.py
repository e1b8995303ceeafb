"""Who carries out nodes, each found by its module's name: shell, code, sql, http, browser, human, llm, tool.

Each has `run(node, ctx) -> Outcome` and reads its node's inputs; what they are stands at the top of its module.
"""
