import os
import socket

import pytest

from deploy.local import ports
from deploy.local.screen import Trouble


def make_listener(host: str = "127.0.0.1") -> socket.socket:
    return socket.create_server((host, 0))


def test_a_taken_port_names_its_holder_and_another_port():
    with make_listener() as listener:
        taken = listener.getsockname()[1]
        with pytest.raises(Trouble) as trouble:
            ports.require("127.0.0.1", taken)
    assert f"Port {taken} is taken" in str(trouble.value)
    assert "bin/up --port" in str(trouble.value)
    assert trouble.value.code == 2


def test_the_holder_is_found_by_its_socket():
    with make_listener() as listener:
        assert ports.holder_of(listener.getsockname()[1]).startswith(f"process {os.getpid()} (")


def test_a_port_is_free_again_when_its_holder_is_gone():
    with make_listener() as listener:
        port = listener.getsockname()[1]
        assert not ports.is_free("127.0.0.1", port)
        assert ports.free_port(start=port) != port
    assert ports.is_free("127.0.0.1", port)
    assert ports.free_port(start=port) == port


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(Trouble):
        ports.require("no-such-host.invalid", 8000)
