"""Several looks at memory for one question: clues, loops, dialogues, routes."""
