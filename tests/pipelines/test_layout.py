"""The layout of graphs: layers, order, straight edges, and a size that a browser stands."""

import random
from itertools import pairwise

from app.pipelines.layout import Sizes, layout

SIZES = Sizes()


def crossings(drawing, edges):
    """Pairs of edges between the same two layers that cross."""
    spans = [(drawing.routes[edge][0], drawing.routes[edge][-1]) for edge in edges]
    return sum(
        a[0][1] == b[0][1] and a[1][1] == b[1][1] and (a[0][0] - b[0][0]) * (a[1][0] - b[1][0]) < 0
        for index, a in enumerate(spans)
        for b in spans[:index]
    )


def test_a_chain_stands_straight_one_below_the_other():
    names = [f"s{number}" for number in range(100)]
    drawing = layout(names, list(pairwise(names)))
    assert {x for x, _ in drawing.places.values()} == {0}
    assert [drawing.places[name][1] for name in names] == [index * (60 + 56) for index in range(100)]
    assert (drawing.width, drawing.height) == (SIZES.width, 100 * 116 - 56)


def test_a_diamond_is_symmetric_and_an_edge_that_passes_a_layer_runs_beside_its_nodes():
    edges = [("a", "b"), ("a", "c"), ("b", "d"), ("c", "d"), ("a", "d")]
    drawing = layout(["a", "b", "c", "d"], edges)
    assert abs(drawing.places["a"][0] - drawing.places["d"][0]) < 1
    passing = drawing.routes["a", "d"]
    assert len(passing) == 4 and passing[1][0] == passing[2][0]
    for name in "bc":
        left = drawing.places[name][0]
        assert not left <= passing[1][0] <= left + SIZES.width


def test_crossings_that_need_not_be_are_taken_out():
    edges = [("a", "z"), ("b", "y"), ("c", "x"), ("a", "y"), ("b", "x")]
    assert crossings(layout(["a", "b", "c", "x", "y", "z"], edges), edges) == 0


def test_an_input_stands_just_above_its_first_reader_and_a_cycle_is_drawn_upwards():
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("in", "c")]
    drawing = layout(["in", "a", "b", "c"], edges, late=["in"])
    assert drawing.places["in"][1] == drawing.places["b"][1]
    upward = drawing.routes["c", "a"]
    assert upward[0][1] > upward[-1][1]


def test_two_hundred_nodes_do_not_overlap():
    chance = random.Random(7)
    nodes = list(range(200))
    edges = [(chance.randrange(max(0, head - 12), head), head) for head in nodes[1:] for _ in range(2)]
    drawing = layout(nodes, edges)
    by_layer = {}
    for x, y in drawing.places.values():
        by_layer.setdefault(y, []).append(x)
    for xs in by_layer.values():
        xs.sort()
        assert all(right - left >= SIZES.width + SIZES.gap - 0.01 for left, right in pairwise(xs))
    assert layout([], []).places == {}
