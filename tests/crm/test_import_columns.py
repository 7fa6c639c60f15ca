"""Columns of a members' file as they are first shown: known by heading or content, with values that say something."""

from crm import import_columns


def test_the_examples_of_a_column_are_values_that_are_there() -> None:
    told = [["", "  ", "", "Halden", "Halden", "Oslo", "Moss", "Ås"], ["", "", ""], ["12"]]
    columns = import_columns.guess(["Kommune", "Notat", "Ansatte"], told, "plain")
    assert [each.samples for each in columns] == [("Halden", "Oslo", "Moss"), (), ("12",)]
    assert [each.field for each in columns] == ["municipality", "note", "employees"]
