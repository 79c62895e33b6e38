"""Nested structures keep their kinds, whatever is done to what is in them."""

from collections import OrderedDict, defaultdict, namedtuple
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from tinygrad_ml.structure import containers, is_nested, leaves, mapped, nesting, packed_like

Pair = namedtuple("Pair", "first second")
STRUCTURES = st.recursive(
    st.integers() | st.none() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.tuples(inner, inner).map(lambda pair: Pair(*pair))
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3).map(OrderedDict)
    ),
    max_leaves=12,
)


@given(STRUCTURES)
def test_leaves_packed_again_are_the_structure(structure):
    again = packed_like(structure, leaves(structure))
    assert again == structure and type(again) is type(structure)
    assert nesting(mapped(str, structure)) == nesting(structure)
    assert leaves(mapped(lambda leaf: [leaf], structure)) == leaves(structure)
    assert is_nested(structure) == (leaves(structure) != [structure])
    assert all(isinstance(part, (list, dict)) for part in containers(structure))


def test_kinds_of_dictionaries():
    given = defaultdict(list, a=1)
    made = mapped(lambda leaf: leaf + 1, given)
    assert made == {"a": 2} and made["b"] == [] and given == {"a": 1}
    assert mapped(str, MappingProxyType({"a": (1,)})) == {"a": ("1",)}


def test_a_list_is_as_good_as_a_tuple_and_no_other_nesting_is():
    assert nesting([1, (2, 3)]) == nesting((4, [5, 6])) != nesting((1, 2, 3))
    assert nesting({"a": 1}) != nesting({"b": 1})
