"""The measurements of lesson 09 are whole, and the faces come out."""

import pytest

from cs231n_viz import data
from workshop import drawing
from workshop.measure import facets


def test_what_is_stored_is_whole_and_the_faces_come_out():
    pictures = data.measured("facets/faces")["pictures"]
    faces = {(kind, face) for kind in facets.KINDS for face in drawing.FACETS[kind]}
    for rows in pictures.values():
        assert len(rows) == 2 * facets.STARTS * len(facets.KINDS)
        assert {tuple(row[:2]) for row in rows} == faces
    with_side = pictures["from the mean, to its side"]
    assert sum(row[2] > 0 for row in with_side) / len(with_side) >= 0.8


@pytest.mark.parametrize("way", ["pixels", "waves", "code"])
def test_the_stored_pages_hold_a_picture_of_each_class(way):
    found = data.measured("facets/codes")
    count = len(found["classes"])
    assert len(found[way]["answers"]) == len(found[way]["probabilities"]) == count
    assert data.sheet(f"facets/{way}", facets.TILE).shape == (count, 3, facets.TILE, facets.TILE)
