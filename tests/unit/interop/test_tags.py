"""Tags in GTO's grammar; `tests/clients/test_gto.py` holds the same against GTO."""

import pytest

from modelward.interop.tags import Tag

GOOD = {
    "digits@v1.2.0": Tag("digits", "v1.2.0"),
    "digits@v1.2.0-rc.1+b5#7": Tag("digits", "v1.2.0-rc.1+b5", counter=7),
    "digits@v1.2.0!#2": Tag("digits", "v1.2.0", counter=2, is_cancelled=True),
    "digits#production#3": Tag("digits", "", "production", 3),
    "digits#production": Tag("digits", "", "production"),
    "digits#production!#4": Tag("digits", "", "production", 4, is_cancelled=True),
    "digits@deprecated": Tag("digits", is_cancelled=True),
    "digits@deprecated#9": Tag("digits", counter=9, is_cancelled=True),
    "models=digits@v1.0.0": Tag("models:digits", "v1.0.0"),
    "team/digits-2#a_b#1": Tag("team/digits-2", "", "a_b", 1),
}
BAD = (
    "v1.0.0",
    "digits",
    "digits@1.0.0",
    "digits@v1.0",
    "digits@v01.0.0",
    "digits#",
    "-d@v1.0.0",
    "d@v1.0.0#x",
    "d@created",
)


@pytest.mark.parametrize("text", GOOD)
def test_a_tag_is_read_with_or_without_its_ref_and_spelled_as_it_was(text):
    assert Tag.parse(text) == Tag.parse(f"refs/tags/{text}") == GOOD[text]
    assert str(GOOD[text]) == text


@pytest.mark.parametrize("text", BAD)
def test_other_tags_are_none_of_ours(text):
    assert Tag.parse(text) is None
