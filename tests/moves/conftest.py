"""Databases of the old shape: made once, copied for each test."""

import pytest
from django.db import connection

from tests.moves import world


@pytest.fixture(scope="session")
def old_template(django_db_setup, django_db_blocker):
    """The name of a database with the old house in it."""
    usual = connection.settings_dict["NAME"]
    # Where no test of the run asked for the usual test database, there is none to copy.
    is_there = usual.startswith("test_")
    name = f"{usual if is_there else f'test_{usual}'}_old"
    with django_db_blocker.unblock():
        connection.close()
        world.make_database(name, usual if is_there else "template0")
        with world.connected(name):
            world.to([])
            world.to(world.OLD)
            world.old_house()
        yield name
        world.drop_database(name)


@pytest.fixture
def old(old_template, django_db_blocker):
    """The default connection leads to an old house of this test's own; its name."""
    name = f"{old_template}_1"
    with django_db_blocker.unblock():
        world.make_database(name, old_template)
        with world.connected(name):
            yield name
        world.drop_database(name)


@pytest.fixture(scope="session")
def unbroken(old_template, django_db_blocker):
    """Checksums before and after a move that nobody disturbed."""
    name = f"{old_template}_2"
    with django_db_blocker.unblock():
        world.make_database(name, old_template)
        with world.connected(name):
            before = world.checksums(world.OLD_ROWS)
            world.forward()
            after = world.checksums(world.NEW_ROWS)
        world.drop_database(name)
    return before, after
