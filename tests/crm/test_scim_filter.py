"""The filter language of SCIM: what is written is read again as it was meant, and nothing else is a filter."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import scim_filter
from crm.scim_filter import All, Any_, Compare, FilterError, Not, Present, Tree, Within

SCHEMA = "urn:x:Membership"
NAMES = st.sampled_from(["tier", "organisation.name", "id", "endsOn", "externalId", "$ref"])
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
VALUES = WORDS | st.booleans() | st.none() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, width=32).filter(
    lambda value: abs(value) != float("inf")
)  # fmt: skip


def written(tree: Tree, case: int = 0, schema: str = SCHEMA) -> str:
    """A tree as somebody would write it, in one of three manners of capitals."""
    manner = (str, str.upper, str.title)[case % 3]
    match tree:
        case Compare(path, op, value):
            return f"{path} {manner(op)} {json.dumps(value, ensure_ascii=bool(case % 2))}"
        case Present(path):
            return f"{schema + ':' if case % 3 == 0 else ''}{path} {manner('pr')}"
        case Within(path, inner):
            return f"{path}[{written(inner, case, schema)}]"
        case Not(inner):
            return f"{manner('not')} ({written(inner, case, schema)})"
        case All(inner) | Any_(inner):
            word = "and" if isinstance(tree, All) else "or"
            return f" {manner(word)}  ".join(f"({written(each, case, schema)})" for each in inner)
    raise AssertionError(tree)


def grown(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return (
        several.map(All)
        | several.map(Any_)
        | inner.map(Not)
        | st.builds(Within, st.sampled_from(["identifiers"]), inner)
    )


LEAVES: st.SearchStrategy[Tree] = st.builds(
    Compare, NAMES.map(str.lower), st.sampled_from(sorted(scim_filter.OPERATORS)), VALUES
) | st.builds(Present, NAMES.map(str.lower))
TREES = st.recursive(LEAVES, grown, max_leaves=10)


@given(TREES, st.integers(0, 5))
def test_what_is_written_is_read_as_it_was_meant(tree: Tree, case: int) -> None:
    assert scim_filter.parse(written(tree, case), SCHEMA) == tree


@given(st.text(alphabet='ab.:"\\()[]$-0 1eqandorntpr\0æ', max_size=40))
def test_anything_else_is_a_filter_error_that_says_where(text: str) -> None:
    try:
        scim_filter.parse(text, SCHEMA)
    except FilterError as error:
        assert "at character" in str(error)


def test_and_binds_closer_than_or_and_not_closest() -> None:
    a, b, c = Present("a"), Present("b"), Present("c")
    assert scim_filter.parse("a pr or b pr and c pr") == Any_((a, All((b, c))))
    assert scim_filter.parse("(a pr or b pr) and c pr") == All((Any_((a, b)), c))
    assert scim_filter.parse("not (a pr) and b pr") == All((Not(a), b))
    assert scim_filter.parse("not pr") == Present("not")  # an attribute may be called so


@pytest.mark.parametrize(
    "text",
    ["", " ", "a", "a eq", "a xx 1", "(a pr", "a pr)", 'a eq "x', "a eq 01", "a eq 'x'", "not a pr", "a pr b pr",
     "a[b pr", "a[]", "()", 'a eq "\\ud800"', 'a eq "\\q"', 'a eq "\\u0000"', "a eq x", "a.b.c", "a eq 1 and",
     "(" * 30 + "a pr" + ")" * 30, " and ".join(["a pr"] * 60), 'a eq "' + "x" * 3000 + '"'],
)  # fmt: skip
def test_refused(text: str) -> None:
    with pytest.raises(FilterError):
        scim_filter.parse(text)
