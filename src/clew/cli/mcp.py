"""The word `mcp`: this memory as an MCP server, over stdio for one client, or over HTTP."""

import sys
from typing import Annotated

import typer

from clew.cli.terminal import MEMORY, Agent, Db, Model, Session, Url, User, opened
from clew.errors import UsageError
from clew.serve import mcp as served
from clew.serve.access import LOCAL, Access, Principal, loopback, role
from clew.serve.grant import Grant
from clew.serve.mcp_offers import offers
from clew.serve.mcp_tools import Seat

app = typer.Typer(add_completion=False, rich_markup_mode=None)
Recipes = Annotated[
    list[str] | None, typer.Option("--recipe", "-r", help="Offer this recipe's own tools too (sculptor, ...); may be repeated.")
]


@app.command()
def mcp(
    db: Db = MEMORY,
    user: User = None,
    agent: Agent = None,
    session: Session = None,
    may: Annotated[str | None, typer.Option("--role", help="What the client may do: reader, writer, curator, admin.")] = None,
    recipe: Recipes = None,
    tasks: Annotated[bool, typer.Option("--tasks", help="Offer task_run, show, approve, cancel, resume: they run programs here.")] = False,
    http: Annotated[bool, typer.Option("--http", help="Listen for HTTP instead of serving stdin and stdout.")] = False,
    host: Annotated[str, typer.Option(help="Where to listen; anywhere but this machine needs keys (`clew keys add`).")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Where to listen.")] = 8765,
    model: Model = None,
    url: Url = None,
) -> None:
    """Serve this memory to agents by the Model Context Protocol; the file is made where there is none."""
    if http and (user or agent or session or may):
        raise UsageError("over HTTP the key says who it is: `clew keys add`; leave out --user, --agent, --session and --role")
    if may == "admin" and user:
        raise UsageError("an admin acts on the whole memory: leave out --user, or say --role curator")
    who = LOCAL if user is None and may is None else Principal("local", role(may or "curator"), user)
    with opened(db, ("clew", *(recipe or ())), new=True, model=model, url=url) as c:
        access = Access(c.log, local=loopback(host))
        scope = who.scope(user, agent, session)
        seat = None if http else Seat(Grant(c, access, who), scope)
        service = served.Service(c, offers(c, recipe or (), tasks), seat)
        if not http:
            return served.stdio(service)
        print(f"clew: MCP at http://{host}:{port}/mcp" + (", open to this machine" if access.open else ", with keys"), file=sys.stderr)
        served.http(service, access, host, port)
