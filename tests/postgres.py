"""A PostgreSQL server for the tests: started from the machine's own programs in a temporary directory, stopped at the end.

`CLEW_POSTGRES=postgresql://...` names one that runs already (a role that row security binds); `CLEW_POSTGRES=off` skips.
Where the process is root, the server runs as `postgres` or `nobody`, for it refuses root.
"""

import atexit
import functools
import glob
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

psycopg = pytest.importorskip("psycopg", reason="the extra [postgres] is not installed: pip install 'clew[postgres]'")
ROLE = "clew"
MEMORY_DISK = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # hundreds of small commits: a real fsync proves nothing here
FAST = "fsync=on\nsynchronous_commit=on\nlisten_addresses=''\nshared_buffers=64MB\nmax_connections=200\nautovacuum=off\n"


def programs() -> Path | None:
    """The folder with initdb and pg_ctl, the newest there is."""
    found = shutil.which("initdb")
    folders = [Path(found).parent] if found else []
    folders += [Path(p) for p in sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[-2]), reverse=True)]
    return next((f for f in folders if (f / "initdb").exists() and (f / "pg_ctl").exists()), None)


def _other() -> str | None:
    """A user to run as, where this process is root."""
    if os.geteuid() != 0:
        return None
    names = {p.pw_name for p in pwd.getpwall()}
    return next((n for n in ("postgres", "nobody") if n in names), None)


@functools.cache
def server() -> str:
    """The URL of the server, started once a process; skips with the reason where there is none."""
    told = os.environ.get("CLEW_POSTGRES", "")
    if told == "off":
        pytest.skip("CLEW_POSTGRES=off")
    if told:
        return told
    folder = programs()
    if folder is None:
        pytest.skip(
            "there is no PostgreSQL on this machine (initdb, pg_ctl); install it, or name a server by CLEW_POSTGRES=postgresql://..."
        )
    home = Path(tempfile.mkdtemp(prefix="clew-pg-", dir=MEMORY_DISK))
    user = _other()
    if user:
        entry = pwd.getpwnam(user)
        os.chown(home, entry.pw_uid, entry.pw_gid)

    def run(*command: str | Path) -> None:
        done = subprocess.run(command, user=user, cwd=home, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode:
            raise RuntimeError(f"{' '.join(map(str, command))}: {done.stderr}{done.stdout}")

    data = home / "data"
    run(folder / "initdb", "-D", data, "-U", "root", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
    with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
        conf.write(FAST + f"unix_socket_directories='{home}'\n")

    def stop() -> None:
        subprocess.run(
            [folder / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop"], user=user, cwd=home, capture_output=True, check=False
        )
        shutil.rmtree(home, ignore_errors=True)

    atexit.register(stop)
    run(folder / "pg_ctl", "-D", data, "-w", "-l", home / "log", "start")
    with psycopg.connect(f"postgresql://root@/postgres?host={home}", autocommit=True) as first:
        first.execute(f"CREATE ROLE {ROLE} LOGIN CREATEDB")
        first.execute(f"CREATE DATABASE clew OWNER {ROLE}")
    return f"postgresql://{ROLE}@/clew?host={home}"


_tenants = iter(range(10**9))


def tenant() -> str:
    """The URL of a tenant of its own."""
    url = server()
    return f"{url}{'&' if '?' in url else '?'}tenant=t{os.getpid()}_{next(_tenants)}"
