"""A chat that remembers, with any OpenAI-compatible endpoint: pip install 'clew[llm]', then

OPENAI_BASE_URL=http://localhost:11434/v1 OPENAI_API_KEY=none CLEW_CHAT_MODEL=qwen3:4b python examples/chat.py
"""

import os
from datetime import UTC, datetime

from openai import OpenAI

from clew import Clew

SYSTEM = "You are a helpful assistant with a memory of earlier conversations. Use what it holds; where it holds nothing, say so."
client, model = OpenAI(), os.environ.get("CLEW_CHAT_MODEL", "gpt-4o-mini")
user, session = os.environ.get("USER", "me"), datetime.now(UTC).isoformat()
turns: list[dict[str, str]] = []

with Clew("chat.db") as memory:
    while True:
        try:
            said = input("you> ").strip()
        except EOFError:
            break
        if not said:
            break
        known = memory.prompt(said, user=user, max_tokens=1500)
        turns.append({"role": "user", "content": said})
        messages = [{"role": "system", "content": f"{SYSTEM}\n{known}"}, *turns[-20:]]
        reply = client.chat.completions.create(model=model, messages=messages).choices[0].message.content or ""
        turns.append({"role": "assistant", "content": reply})
        memory.record(turns[-2:], user=user, session=session)
        print(f"assistant> {reply}")
