"""The index of digests by owner is what a table of pairs would say, whatever was added and dropped before."""

from hypothesis import given
from hypothesis import strategies as st

from mercato_gateway.owners import Owners

_STEPS = st.lists(
    st.tuples(st.booleans(), st.sampled_from("abc"), st.sampled_from([b"1", b"2", b"3", b"4"])), max_size=60
)


@given(_STEPS)
def test_it_is_a_table_of_pairs(steps: list[tuple[bool, str, bytes]]) -> None:
    owners, pairs = Owners(), set[tuple[str, bytes]]()
    for adds, owner, digest in steps:
        if adds:
            owners.add(owner, digest)
            pairs.add((owner, digest))
        else:
            owners.drop(owner, digest)
            pairs.discard((owner, digest))
        for each in "abc":
            assert sorted(owners.of(each)) == sorted(found for whose, found in pairs if whose == each)
    assert len(owners) == len({owner for owner, _ in pairs})
