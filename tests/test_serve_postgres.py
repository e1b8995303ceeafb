"""Who may do what, on PostgreSQL: the same keys, grants and operations, and a tenant is another memory."""

import pytest
from postgres import tenant

from clew import Clew, NotFound
from clew.serve.access import LOCAL, Access, Principal, Unauthenticated
from clew.serve.grant import Grant
from clew.serve.operations import Operations


def test_keys_and_grants_are_the_same_and_another_tenant_knows_none_of_them() -> None:
    with Clew(tenant(), recipes=["verbatim"]) as c, Clew(tenant(), recipes=["verbatim"]) as other:
        access = Access(c.log)
        assert access.principal(None) == LOCAL
        c.record("Ana keeps bees", user="ana")
        c.record("Bob keeps a boat", user="bob")
        _, ana = access.keys.add("phone", "curator", "ana")
        boss, admin = access.keys.add("boss", "admin")
        assert Access(other.log).open, "keys of one tenant close the door of that one alone"
        with pytest.raises(Unauthenticated):
            Access(other.log, local=False).principal(f"Bearer {admin}")
        grant = Grant(c, access, access.principal(f"Bearer {ana}"))
        assert [hit.memory.text for hit in grant.recall("Who keeps what?")] == ["Ana keeps bees"]
        assert [event.seq for event in grant.events()][:1] == [1]
        with pytest.raises(NotFound):
            grant.get(c.memories(user="bob")[0].id)
        access.keys.revoke(boss.id)
        with pytest.raises(Unauthenticated):
            access.principal(f"Bearer {admin}")
        c.forget(user="ana")
        with pytest.raises(Unauthenticated):
            access.principal(f"Bearer {ana}")


def test_long_work_is_told_from_the_log() -> None:
    with Clew(tenant(), recipes=["verbatim"]) as c:
        c.record("Ana keeps bees", user="ana")
        work = Operations(c)
        asked = work.start(Principal("boss", "admin"), "verify")
        work.close()
        assert Operations(c).get(asked.id).result == {"sound": True}
