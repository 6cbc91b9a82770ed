"""Places the nodes of a directed graph in layers, top down, with few crossings and straight edges.

The steps are those of Sugiyama, Tagawa and Toda (1981): break cycles, assign layers by longest path, give each edge a
dummy node in every layer that it passes, order the layers by barycentre, then place each layer as near to its
neighbours as its order allows.
"""

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Node = Hashable
Point = tuple[float, float]
ROUNDS = 12


@dataclass(frozen=True)
class Sizes:
    """Of a node, and of the room between nodes of a layer, beside an edge that passes, and between layers."""

    width: float = 208
    height: float = 60
    gap: float = 28
    passing: float = 20
    between: float = 56


@dataclass(frozen=True)
class Drawing:
    """`places` are the upper left corners of the nodes; `routes` the points of each edge, source first."""

    width: float
    height: float
    places: dict[Node, Point]
    routes: dict[tuple[Node, Node], list[Point]]


def layout(
    nodes: Sequence[Node], edges: Iterable[tuple[Node, Node]], *, late: Iterable[Node] = (), sizes: Sizes | None = None
) -> Drawing:
    """`late` are sources that stand just above the first node that they lead to, such as inputs of a pipeline."""
    sizes = sizes or Sizes()
    found = list(dict.fromkeys((tail, head) for tail, head in edges if tail != head))
    late = set(late)
    forward = _acyclic(sorted(nodes, key=late.__contains__), found)
    layers = _layers(nodes, forward.values(), late)
    ranks, chains = _with_dummies(nodes, forward, layers)
    segments = {(upper, lower) for chain in chains.values() for upper, lower in pairwise(chain)}
    _order(ranks, segments)
    centres = _centres(ranks, segments, sizes)
    return _drawn(ranks, forward, chains, centres, sizes)


def _acyclic(nodes: Sequence[Node], edges: Sequence[tuple[Node, Node]]) -> dict[tuple[Node, Node], tuple[Node, Node]]:
    """Each edge with the direction in which it is laid out: one that closes a cycle is turned round."""
    out = _heads(edges)
    state: dict[Node, int] = {}
    turned = set()
    for root in nodes:
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(out[root]))]
        while stack:
            node, heads = stack[-1]
            head = next(heads, None)
            if head is None:
                state[node] = 2
                stack.pop()
            elif head not in state:
                state[head] = 1
                stack.append((head, iter(out[head])))
            elif state[head] == 1:
                turned.add((node, head))
    return {edge: edge[::-1] if edge in turned else edge for edge in edges}


def _heads(edges: Iterable[tuple[Node, Node]]) -> dict[Node, list[Node]]:
    out = defaultdict(list)
    for tail, head in edges:
        out[tail].append(head)
    return out


def _layers(nodes: Sequence[Node], edges: Iterable[tuple[Node, Node]], late: set[Node]) -> dict[Node, int]:
    edges = list(edges)
    out = _heads(edges)
    before = dict.fromkeys(nodes, 0)
    for _, head in edges:
        before[head] += 1
    layer = dict.fromkeys(nodes, 0)
    ready = [node for node in nodes if not before[node]]
    for node in ready:
        for head in out[node]:
            layer[head] = max(layer[head], layer[node] + 1)
            before[head] -= 1
            if not before[head]:
                ready.append(head)
    for node in late:
        if out[node]:
            layer[node] = min(layer[head] for head in out[node]) - 1
    return layer


def _with_dummies(nodes: Sequence[Node], forward: dict, layers: dict[Node, int]) -> tuple[list[list[Node]], dict]:
    """The layers with their nodes, and for each edge the nodes and dummies from its upper to its lower end."""
    ranks: list[list[Node]] = [[] for _ in range(max(layers.values(), default=-1) + 1)]
    for node in nodes:
        ranks[layers[node]].append(node)
    chains = {}
    for edge, (upper, lower) in forward.items():
        passed = [_Dummy(edge, rank) for rank in range(layers[upper] + 1, layers[lower])]
        for dummy in passed:
            ranks[dummy.rank].append(dummy)
        chains[edge] = [upper, *passed, lower]
    return ranks, chains


@dataclass(frozen=True)
class _Dummy:
    edge: tuple[Node, Node]
    rank: int


def _order(ranks: list[list[Node]], segments: set[tuple[Node, Node]]) -> None:
    """Reorder the layers in place: the best of some sweeps, down and up in turn."""
    below, above = _heads(segments), _heads((lower, upper) for upper, lower in segments)
    best, fewest = [list(rank) for rank in ranks], _crossings(ranks, below)
    for turn in range(ROUNDS):
        if not fewest:
            break
        downward = turn % 2 == 0
        moving = range(1, len(ranks)) if downward else range(len(ranks) - 2, -1, -1)
        for rank in moving:
            fixed, neighbours = (ranks[rank - 1], above) if downward else (ranks[rank + 1], below)
            place = {node: index for index, node in enumerate(fixed)}
            own = {node: index for index, node in enumerate(ranks[rank])}
            ranks[rank].sort(key=lambda node, at=place, was=own, by=neighbours: _mean(by[node], at, was[node]))
        count = _crossings(ranks, below)
        if count < fewest:
            best, fewest = [list(rank) for rank in ranks], count
    ranks[:] = best


def _mean(nodes: Sequence[Node], place: dict[Node, float], otherwise: float) -> float:
    return sum(place[node] for node in nodes) / len(nodes) if nodes else otherwise


def _crossings(ranks: Sequence[Sequence[Node]], below: dict[Node, list[Node]]) -> int:
    """Pairs of edges that cross: inversions among the lower ends, taken in the order of the upper ones."""
    total = 0
    for upper, lower in pairwise(ranks):
        place = {node: index for index, node in enumerate(lower)}
        seen: list[int] = []
        for node in upper:
            ends = sorted(place[head] for head in below[node])
            total += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return total


def _centres(ranks: Sequence[Sequence[Node]], segments: set, sizes: Sizes) -> dict[Node, float]:
    """Horizontal centres that keep the edges upright, by least squares: each layer in turn, the others held."""
    below, above = _heads(segments), _heads((lower, upper) for upper, lower in segments)
    centres: dict[Node, float] = {}
    for rank in ranks:
        centres |= dict(zip(rank, _packed(rank, [(0.0, 1.0)] * len(rank), sizes), strict=True))
    for turn in range(2 * ROUNDS):
        # The later turns hear both sides, so that a node stands between what it takes and what it gives.
        sides = (above, below) if turn >= ROUNDS else (above,) if turn % 2 == 0 else (below,)
        for rank in ranks if turn % 2 == 0 else ranks[::-1]:
            wishes = [_wish(node, [end for side in sides for end in side[node]], centres) for node in rank]
            centres |= dict(zip(rank, _packed(rank, wishes, sizes), strict=True))
    return centres


def _wish(node: Node, ends: Sequence[Node], centres: dict[Node, float]) -> tuple[float, float]:
    """Where a node would stand best, and how much that matters."""
    if not ends:
        return centres[node], 0.01
    pulls = [_pull(node, end) for end in ends]
    return sum(pull * centres[end] for pull, end in zip(pulls, ends, strict=True)) / sum(pulls), sum(pulls)


def _pull(one: Node, other: Node) -> int:
    """How upright a part of an edge wants to be; between dummies most, as that is what makes long edges straight."""
    return (1, 2, 8)[isinstance(one, _Dummy) + isinstance(other, _Dummy)]


def _packed(rank: Sequence[Node], wishes: Sequence[tuple[float, float]], sizes: Sizes) -> list[float]:
    """The centres nearest to those wished, by weighted squares, that keep order and distance.

    Neighbours that would overlap are joined to a block that moves as one (pool adjacent violators).
    """
    offsets, offset = [], 0.0
    for index, node in enumerate(rank):
        if index:
            offset += _half(rank[index - 1], sizes) + sizes.gap + _half(node, sizes)
        offsets.append(offset)
    blocks: list[list[float]] = []
    for (wish, weight), offset in zip(wishes, offsets, strict=True):
        blocks.append([wish - offset, weight, 1])
        while len(blocks) > 1 and blocks[-2][0] >= blocks[-1][0]:
            place, joined, count = blocks.pop()
            last = blocks[-1]
            last[0] = (last[0] * last[1] + place * joined) / (last[1] + joined)
            last[1] += joined
            last[2] += count
    starts = [place for place, _, count in blocks for _ in range(int(count))]
    return [start + offset for start, offset in zip(starts, offsets, strict=True)]


def _half(node: Node, sizes: Sizes) -> float:
    return (sizes.passing if isinstance(node, _Dummy) else sizes.width) / 2


def _drawn(ranks: list, forward: dict, chains: dict, centres: dict[Node, float], sizes: Sizes) -> Drawing:
    left = min((centres[node] - _half(node, sizes) for rank in ranks for node in rank), default=0)
    right = max((centres[node] + _half(node, sizes) for rank in ranks for node in rank), default=0)
    tops = {node: index * (sizes.height + sizes.between) for index, rank in enumerate(ranks) for node in rank}
    places = {
        node: (centres[node] - _half(node, sizes) - left, tops[node])
        for rank in ranks
        for node in rank
        if not isinstance(node, _Dummy)
    }
    leaving, coming = _ends(chains, centres, sizes, left)
    routes = {}
    for edge, chain in chains.items():
        points = [(leaving[edge], tops[chain[0]] + sizes.height)]
        for node in chain[1:-1]:
            x = centres[node] - left
            points += [(x, tops[node]), (x, tops[node] + sizes.height)]
        points.append((coming[edge], tops[chain[-1]]))
        routes[edge] = points if forward[edge] == edge else points[::-1]
    height = len(ranks) * (sizes.height + sizes.between) - sizes.between
    return Drawing(right - left, max(height, 0), places, routes)


def _ends(chains: dict, centres: dict[Node, float], sizes: Sizes, left: float) -> tuple[dict, dict]:
    """Where on its upper and lower node each edge begins and ends: side by side, in the order of where they go."""
    sides = []
    for end, towards in ((0, 1), (-1, -2)):
        at = defaultdict(list)
        for edge, chain in chains.items():
            at[chain[end]].append((centres[chain[towards]], len(at[chain[end]]), edge))
        xs = {}
        for node, edges in at.items():
            step = min(24.0, sizes.width * 0.8 / len(edges))
            for index, (*_, edge) in enumerate(sorted(edges)):
                xs[edge] = centres[node] - left + (index - (len(edges) - 1) / 2) * step
        sides.append(xs)
    return sides[0], sides[1]
