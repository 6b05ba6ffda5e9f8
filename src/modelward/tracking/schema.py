"""What a model takes and gives, read off a sample."""

import json
import math
from typing import Any

from modelward.core.errors import InputError

_RULE = "a sample is a few rows: an array, a data frame, or lists of numbers or texts"


def schema_of(sample: Any) -> dict[str, Any]:
    """Tell the columns of a data frame, or the type and shape of an array.

    Args:
        sample: A few rows, as the model takes them.

    Returns:
        `{"columns": [{"name", "dtype"}…]}`, or `{"dtype", "shape"}` with None for the number of rows. Columns of texts
        have the type `object`.

    Raises:
        InputError: it is no rows.
    """
    if hasattr(sample, "columns") and hasattr(sample, "dtypes"):
        columns = [{"name": str(name), "dtype": _plain_type(sample[name].dtype)} for name in sample.columns]
        return {"columns": columns}
    array = _array(sample)
    return {"dtype": _plain_type(array.dtype), "shape": [None, *array.shape[1:]]}


def rows_of(sample: Any) -> list[Any]:
    """Give the rows of a sample as lists that JSON can spell; a value that is missing becomes null.

    Raises:
        InputError: it is no rows, or holds what JSON does not know.
    """
    if hasattr(sample, "columns") and hasattr(sample, "to_numpy"):
        rows = sample.to_numpy(dtype=object).tolist()
    else:
        rows = _array(sample).tolist()
    rows = _without_nan(rows)
    try:
        json.dumps(rows, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError("sample", found=str(error), rule=_RULE) from None
    return list(rows)


def _array(sample: Any) -> Any:
    """Make an array; whoever trains a model on lists has NumPy too, for frameworks bring it."""
    import numpy as np

    sample = sample.detach().cpu() if hasattr(sample, "detach") else sample
    try:
        array = np.asarray(sample)
    except ValueError as error:
        raise InputError("sample", found=str(error), rule=_RULE) from None
    if array.ndim == 0 or not len(array):
        raise InputError("sample", found="no rows" if array.ndim else repr(sample)[:40], rule=_RULE)
    return array


def _plain_type(dtype: Any) -> str:
    """Name a type such that other releases of NumPy and pandas know it: texts, of any length, are objects."""
    name = str(dtype)
    return "object" if name.startswith(("<U", "str", "string", "category")) else name


def _without_nan(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_nan(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
