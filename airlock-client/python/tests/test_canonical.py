import json

import pytest

from airlock_gateway.canonical_json import canonical_serialize, canonicalize, hash_canonical
from airlock_gateway.crypto_helpers import sha256_hex
from vectors import CANONICAL_FORMS


@pytest.mark.parametrize("text, canonical, digest", CANONICAL_FORMS)
def test_every_vector_has_its_form_and_hash(text, canonical, digest):
    assert canonicalize(text) == canonical
    assert sha256_hex(canonical) == digest
    assert canonicalize(canonical) == canonical


def test_keys_are_sorted_by_code_point():
    assert list(json.loads(canonicalize('{"\U0001f600":1,"\uffff":2,"\u20ac":3}'))) == ["\u20ac", "\uffff", "\U0001f600"]


def test_python_values_go_in_as_json_and_others_as_text():
    class Other:
        def __str__(self):
            return "other"

    assert canonical_serialize({"b": (1, 2.0), "a": Other(), "c": {1: None}}) == '{"a":"other","b":[1,2],"c":{"1":null}}'
    assert hash_canonical("x") == "ba2df4903a2c14e86dc3bcca58911b44ac1d2514b7227bf6eb08cfb978f55a1b"


def test_what_is_no_json_says_where():
    with pytest.raises(json.JSONDecodeError) as caught:
        canonicalize('{"a": 1,}')
    assert caught.value.pos > 0


@pytest.mark.parametrize("text", ["1e400", "NaN", "-Infinity", '"\\ud800"', "[" * 5000 + "]" * 5000])
def test_what_has_no_canonical_form_is_refused_without_its_text(text):
    with pytest.raises(ValueError) as caught:
        canonicalize(text)
    assert text not in str(caught.value)


def test_a_lone_surrogate_in_a_python_string_is_refused():
    with pytest.raises(ValueError):
        hash_canonical("\ud800")
