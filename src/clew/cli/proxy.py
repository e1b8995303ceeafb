"""The word `proxy`: an OpenAI-compatible address with this memory in it."""

import sys
from typing import Annotated

import typer

from clew.cli.terminal import MEMORY, Db, Named, User, opened
from clew.serve.access import Access, loopback
from clew.serve.proxy import serve
from clew.serve.proxy import upstream as models
from clew.serve.proxy_memory import ChatMemory

app = typer.Typer(add_completion=False, rich_markup_mode=None)


@app.command()
def proxy(
    upstream: Annotated[str, typer.Argument(help="Where the models are, such as https://api.openai.com/v1.", show_default=False)],
    db: Db = MEMORY,
    user: User = None,
    recipe: Named = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--upstream-key",
            envvar="CLEW_UPSTREAM_KEY",
            help="The upstream's key, or env:NAME of the variable that holds it.",
            show_envvar=True,
        ),
    ] = None,
    max_tokens: Annotated[int, typer.Option(help="About how many tokens of memory go into a question.")] = 1500,
    host: Annotated[str, typer.Option(help="Where to listen; anywhere but this machine needs keys (`clew keys add`).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen.")] = 8766,
) -> None:
    """Pass OpenAI's protocol through to any upstream, with memory in it; the file is made where there is none."""
    with opened(db, (recipe,) if recipe else (), new=True) as c:
        access = Access(c.log, local=loopback(host))
        print(
            f"clew: http://{host}:{port}/v1 -> {upstream}" + (", open to this machine" if access.open else ", with keys"), file=sys.stderr
        )
        serve(ChatMemory(c, access, user=user, max_tokens=max_tokens), models(upstream, key), host, port)
