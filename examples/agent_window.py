"""An agent whose prompt is a view of its memory: python examples/agent_window.py

No model is needed: the agent is a script that says what a model would say, and the summaries are made by extraction. What is real
is everything else: each step is recorded, `window` gives the messages for a chat API, `tools` and `call` are the agent's own tools.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from clew import Clew
from clew.models import connect

SYSTEM = "You keep a lighthouse. Begin each part of the work with a line 'Subgoal: ...'. A finished part is shown as one line; retrieve(ids) shows it whole."
HOUSE = {
    "read log": "12 May: lens cleaned. 14 May: bulb changed, spare bulbs are down to two. 19 May: the stair rail is loose at the fourth landing. "
    * 4,
    "open locker": "One spare bulb, a tin of brass polish, a coil of rope, a torch without batteries, a list of moorings from last year. "
    * 4,
    "climb": "Ninety steps. At the fourth landing the rail gives way a little; somebody has tied it with rope. " * 4,
    "fit bulb": "The bulb fits. The lamp burns, white, a flash every five seconds.",
    "report": "The harbour office thanks you.",
}
SCRIPT: list[tuple[str, str]] = [
    ("Subgoal: find out what the lamp needs\nThe log will tell.", "read log"),
    ("And what is in the locker?", "open locker"),
    ("Subgoal: get to the lamp\nUp the stairs.", "climb"),
    ("Subgoal: make the lamp burn\nNow the bulb.", "fit bulb"),
    ("Subgoal: report to the harbour office\nHow many bulbs are left? The log said it: I look at that part again.", "retrieve"),
    ("Two were left, and I have used one.", "report"),
]


def run(folder: Path) -> None:
    """The loop of any agent, with a script where the model would be."""
    who: dict[str, Any] = {"session": "night watch", "user": "keeper"}
    with Clew(folder / "agent.db", recipes=["hi_agent"], models=connect("extractive")) as memory:
        memory.record([{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Light the lamp and report."}], **who)
        schemas = memory.tools()  # go to the chat API beside the world's own tools
        said = 2
        for n, (text, action) in enumerate(SCRIPT, 1):
            messages = memory.window(**who, max_tokens=4000)  # go to the chat API
            print(
                f"step {n}: {said:2} messages so far, the model is shown {len(messages)} with {sum(len(str(m)) for m in messages):5} characters"
            )
            name = action.replace(" ", "_")
            arguments = json.dumps({"ids": [messages[3]["content"][1:7]]} if action == "retrieve" else {})
            call = {"id": f"call-{n}", "type": "function", "function": {"name": name, "arguments": arguments}}
            memory.record({"role": "assistant", "content": text, "tool_calls": [call]}, **who)
            ours = name in [schema["function"]["name"] for schema in schemas]
            result = memory.call(name, arguments, **who) if ours else HOUSE[action]
            memory.record({"role": "tool", "tool_call_id": call["id"], "content": result}, **who)
            said += 2
        print("\nWhat the model is shown in the end:")
        for message in memory.window(**who):
            print(f"  {message['role']:9} {str(message['content'])[:110]!r}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        run(Path(made))
