"""How what DVC tells becomes metadata pairs."""

from modelward.core.provenance import Provenance, Tracked

MD5 = "0123456789abcdef0123456789abcdef"


def test_a_url_that_does_not_fit_is_left_out_of_an_input_and_inputs_beyond_three_too():
    inputs = tuple(Tracked(f"data/{number}.csv", MD5, url=f"s3://b/{'x' * 190 * number}") for number in range(5))
    pairs = Provenance(None, inputs).pairs()
    assert pairs == {
        "modelward:dvc-input-1": f"{MD5} data/0.csv s3://b/",
        "modelward:dvc-input-2": f"{MD5} data/1.csv s3://b/{'x' * 190}",
        "modelward:dvc-input-3": f"{MD5} data/2.csv",
    }
    assert all(len(value) <= 256 for value in pairs.values())


def test_characters_that_sagemaker_refuses_are_spelled_in_another_way():
    told = Provenance(Tracked("a&b.tar.gz", MD5)).pairs()
    assert told == {"modelward:dvc-md5": MD5, "modelward:dvc-path": "a=26b.tar.gz"}
