"""Finding and reading the file itself."""

from pathlib import Path

import pytest

from modelward import config
from modelward.core.errors import ConfigError, NotFoundError

HEAD = '[registry]\nname = "acme"\nstages = ["Development", "Archived"]\n'


def test_the_nearest_file_upwards_is_found(tmp_path: Path):
    deep = tmp_path / "team" / "src" / "train"
    deep.mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "team"):
        (folder / "registry.toml").write_text(HEAD)
    assert config.find(deep) == tmp_path.resolve() / "team" / "registry.toml"
    assert config.find(tmp_path) == tmp_path.resolve() / "registry.toml"


def test_a_folder_of_that_name_is_passed_over(tmp_path: Path):
    (tmp_path / "registry.toml").write_text(HEAD)
    (tmp_path / "a" / "registry.toml").mkdir(parents=True)
    assert config.find(tmp_path / "a").parent == tmp_path.resolve()


def test_finding_nothing_says_how_to_begin(tmp_path: Path):
    with pytest.raises(NotFoundError, match=r"registry\.toml in .* or above") as caught:
        config.find(tmp_path)
    assert "`modelward init`" in caught.value.next_step


def test_a_missing_file_says_how_to_begin(tmp_path: Path):
    with pytest.raises(NotFoundError, match=r"nowhere\.toml") as caught:
        config.load(tmp_path / "nowhere.toml")
    assert "`modelward init`" in caught.value.next_step


def test_a_folder_instead_of_a_file_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="allowed: a readable file"):
        config.load(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_file_is_read_with_and_without_byte_order_mark(tmp_path: Path, encoding: str):
    path = tmp_path / "registry.toml"
    path.write_text(HEAD.replace("\n", "\r\n"), encoding=encoding)
    assert config.load(path).name == "acme"


def test_a_refusal_names_the_file_as_it_was_given(tmp_path: Path):
    path = tmp_path / "registry.toml"
    path.write_text(HEAD.replace("acme", "a_b"))
    with pytest.raises(ConfigError) as caught:
        config.load(path)
    assert caught.value.file == str(path)


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path):
    path = tmp_path / "registry.toml"
    path.write_bytes(HEAD.encode() + b"# caf\xe9\n")
    with pytest.raises(ConfigError, match="line 4: found byte 0xe9; allowed: text in UTF-8"):
        config.load(path)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('[registry]\nname = "acme\n', "line 2, column 13"),
        ("[registry]\nname\n", "line 2, column 5"),
        ("[registry]\nname = 'a'\nname = 'b'\n", "line 3, column 11"),
        ('[registry]\nname = "acme', "line 2, column 13"),
        ("[registry]\n[registry]\n", "line 2, column 10"),
        ("x = 1 2", "line 1, column 7"),
    ],
)
def test_a_slip_in_the_syntax_is_refused_with_line_and_column(text: str, where: str):
    with pytest.raises(ConfigError, match="allowed: valid TOML") as caught:
        config.parse(text, "registry.toml")
    assert caught.value.key == where


@pytest.mark.parametrize("text", ["x = " + "[" * 20_000, "x = " + "9" * 5_000])
def test_what_python_cannot_bear_is_refused_in_our_words(text: str):
    with pytest.raises(ConfigError, match="allowed: valid TOML") as caught:
        config.parse(text)
    assert "sys." not in str(caught.value)


def test_the_starter_parses_and_is_commented():
    text = config.starter()
    spec = config.parse(text)
    assert list(spec.models) == ["digits"]
    assert spec.notifications.email == ()  # nobody is subscribed unasked
    assert text.count("#") > 15


def test_what_the_starter_comments_out_parses_too():
    text = config.starter().replace("# email", "email").replace("# slack", "slack")
    assert config.parse(text).notifications.slack is not None


def test_the_declaration_of_this_repository_is_the_starter_with_notifications_and_short_waits():
    ours = Path(__file__).parents[3] / "registry.toml"
    bare = ours.read_text().replace("\nemail =", "\n# email =").replace("\nslack =", "\n# slack =")
    assert bare.replace("wait_s   = 5\n", "wait_s   = 300\n") == config.starter()
    assert config.load(ours).notifications.email == ("ml-platform@example.com",)
