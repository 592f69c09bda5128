"""What an installation gets when it starts for the first time."""

import socket
import stat

import pytest

from deploy.home import Home
from deploy.up import choose_ports, settle
from shared.config import load_config
from shared.errors import SettingsError


@pytest.fixture
def home(tmp_path, monkeypatch) -> Home:
    monkeypatch.chdir(tmp_path)
    made = Home.of({"HANDRAIL_HOME": str(tmp_path / "home")})
    made.make()
    return made


def mode(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_home_is_where_it_is_set_or_in_the_working_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert Home.of({"HANDRAIL_HOME": "/srv/handrail"}).path.as_posix() == "/srv/handrail"
    assert Home.of({}).path == tmp_path / ".handrail"


def test_a_new_home_is_closed_to_others(home):
    assert mode(home.path) == 0o700


def test_a_home_that_cannot_be_made_is_told_in_one_line(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(SettingsError, match="HANDRAIL_HOME") as raised:
        Home(tmp_path / "file" / "home").make()

    assert "\n" not in str(raised.value)


def test_a_first_start_makes_a_secret_a_token_and_a_config_that_names_the_token(home):
    environment: dict[str, str] = {}

    settle(home, environment)

    config = load_config(home.starter_config)
    assert environment["HANDRAIL_CONFIG"] == str(home.starter_config)
    assert len(environment["HANDRAIL_SECRET_KEY"]) >= 32
    assert mode(home.key_file) == mode(home.token_file) == 0o600
    bearer = config.sources["alertmanager"].bearer
    assert bearer[0].read().get_secret_value() == home.token_file.read_text().strip()
    assert home.token_file.read_text() not in home.starter_config.read_text()


def test_a_second_start_keeps_secret_token_and_config(home):
    first: dict[str, str] = {}
    settle(home, first)
    token = home.token_file.read_text()
    home.starter_config.write_text("people: []\n")

    second: dict[str, str] = {}
    settle(home, second)

    assert second == first
    assert home.token_file.read_text() == token
    assert home.starter_config.read_text() == "people: []\n"


def test_settings_that_are_set_stay(home, tmp_path):
    environment = {"HANDRAIL_SECRET_KEY": "k" * 32, "HANDRAIL_CONFIG": "/etc/handrail.yaml"}

    settle(home, environment)

    assert environment["HANDRAIL_SECRET_KEY"] == "k" * 32
    assert environment["HANDRAIL_CONFIG"] == "/etc/handrail.yaml"
    assert not home.key_file.exists()
    assert not home.starter_config.exists()


def test_a_config_in_the_working_folder_goes_before_the_starter(home, tmp_path):
    home.write_starter_config()
    mine = tmp_path / "handrail.yaml"
    mine.write_text("{}\n")

    assert home.config({}) == mine


def test_a_secret_that_a_crash_left_half_written_is_not_used(home):
    home.path.joinpath("secret.key.new").write_text("half")
    home.key_file.write_text("")

    key = home.secret_key()

    assert len(key) >= 32
    assert home.known_secret_key({}) == key


def test_without_a_secret_there_is_none_to_know(home):
    assert home.known_secret_key({}) is None
    assert home.known_secret_key({"HANDRAIL_SECRET_KEY": "set"}) == "set"


def test_every_service_gets_a_port_of_its_own_and_people_the_notifiers(home):
    environment: dict[str, str] = {}

    urls = choose_ports(environment)

    assert len(set(urls.values())) == len(urls) == 7
    assert environment["HANDRAIL_PUBLIC_URL"] == urls["notifier"]
    assert urls["ingest"] == f"http://127.0.0.1:{environment['HANDRAIL_INGEST_PORT']}"


def test_a_service_gets_the_port_that_it_had_before(home):
    first: dict[str, str] = {}
    had = choose_ports(first)
    home.remember_ports({name: url.rpartition(":")[2] for name, url in had.items()})
    assert choose_ports({}, remembered=home.ports()) == had


def test_a_port_that_somebody_else_has_by_now_is_another_one(home):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        urls = choose_ports({}, remembered={"notifier": port})
    assert urls["notifier"] != f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("written", [None, b"", b"[]", b'{"ingest": "x"}', b"\xff"])
def test_ports_that_are_not_known_are_chosen_anew(home, written):
    if written is not None:
        home.ports_file.write_bytes(written)
    assert home.ports() == {}


def test_ports_and_the_public_url_stay_as_they_are_set():
    environment = {
        "HANDRAIL_INGEST_PORT": "18080",
        "HANDRAIL_PUBLIC_URL": "https://handrail.example.org",
        "HANDRAIL_HOST": "0.0.0.0",
    }

    urls = choose_ports(environment)

    assert urls["ingest"] == "http://127.0.0.1:18080"
    assert environment["HANDRAIL_PUBLIC_URL"] == "https://handrail.example.org"


def test_a_secret_that_cannot_be_read_is_told(home):
    home.key_file.mkdir()

    with pytest.raises(SettingsError, match=r"secret\.key: cannot be read"):
        home.secret_key()
