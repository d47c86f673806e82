"""One service for each folder and each port, and a clear word to the second."""

from pathlib import Path

from tests.support.process import Running, ask, command


def test_a_second_service_is_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    data, keys = tmp_path / "data", tmp_path / "keys" / "ring.json"
    ask("init", "--data", data, "--keys", keys)
    with Running(data) as service:
        same_folder = command("serve", "--data", data, "--port", "0")
        other = tmp_path / "other"
        ask("init", "--data", other, "--keys", tmp_path / "more" / "ring.json")
        same_port = command("serve", "--data", other, "--port", str(service.port))
    assert same_folder.returncode == 2
    assert "folder.busy" in same_folder.stderr
    assert same_port.returncode == 1
    assert "cannot be had" in same_port.stderr
    assert "Traceback" not in same_folder.stderr + same_port.stderr


def test_a_service_that_is_told_to_stop_ends_with_0(tmp_path: Path) -> None:
    data = tmp_path / "data"
    ask("init", "--data", data, "--keys", tmp_path / "keys" / "ring.json")
    service = Running(data).start()
    assert service.stop() == 0
