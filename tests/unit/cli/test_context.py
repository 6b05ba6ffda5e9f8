"""What commands share."""

import pytest

from modelward.cli.context import require_extra
from modelward.core.errors import InputError


def test_a_package_that_is_missing_is_told_with_the_extra_that_brings_it() -> None:
    with pytest.raises(InputError) as raised:
        require_extra("serve", "serving", "json", "no_such_package")
    assert raised.value.problem == (
        "modelward serve: the package no_such_package is not installed; it comes with the extra [serving]."
    )
    assert raised.value.next_step == "pip install 'modelward[serving]'"


def test_packages_that_are_there_need_no_word() -> None:
    require_extra("serve", "serving", "json", "csv")
