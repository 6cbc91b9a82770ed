"""What is drawn of a pipeline: its steps, inputs and outputs as boxes in layers, and the lines between them."""

from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache

from app.pipelines.layout import Drawing, Point, Sizes, layout
from app.pipelines.schemas import Edge, Graph, Node

SIZES = Sizes()
# How wide letters are, in tenths of the widest; what is not listed counts as a common small letter.
_WIDE, _NARROW = frozenset("mwMW@%"), frozenset("ijlrtf.,:;-'|!()[] I1")
LABEL_WIDTH = 18.0


@dataclass(frozen=True)
class Box:
    """`kind` is step, input or output; `x` and `y` the upper left corner; `step` is what a step's box shows."""

    kind: str
    name: str
    label: str
    x: float
    y: float
    step: Node | None = None


@dataclass(frozen=True)
class Line:
    """`path` as SVG writes it; `flows` are the outputs and inputs that it joins, `source` and `target` box names."""

    path: str
    flows: str
    source: str
    target: str
    is_done: bool


@dataclass(frozen=True)
class Picture:
    width: float
    height: float
    boxes: list[Box]
    lines: list[Line]


def picture(graph: Graph) -> Picture:
    """Inputs and outputs that nothing is bound to are left out."""
    steps = {node.id: node for node in graph.nodes}
    flows = defaultdict(list)
    for edge in graph.edges:
        flows[_ends(edge)].append(f"{edge.output} → {edge.input}")
    names = list(dict.fromkeys([("step", name) for name in steps] + [end for ends in flows for end in ends]))
    placed = _placed(tuple(names), tuple(flows))
    boxes = [
        Box(kind, name, shortened(steps[name].display_name if kind == "step" else name), *placed.places[kind, name],
            steps[name] if kind == "step" else None)
        for kind, name in names
    ]  # fmt: skip
    lines = [
        Line(_path(points), ", ".join(flows[ends]), ends[0][1], ends[1][1], _is_done(ends[0], steps))
        for ends, points in placed.routes.items()
    ]
    return Picture(placed.width, placed.height, boxes, lines)


def _ends(edge: Edge) -> tuple[tuple[str, str], tuple[str, str]]:
    source = ("input", edge.output) if edge.source == "inputs" else ("step", edge.source)
    target = ("output", edge.input) if edge.target == "outputs" else ("step", edge.target)
    return source, target


def _is_done(source: tuple[str, str], steps: dict[str, Node]) -> bool:
    kind, name = source
    return kind == "input" or steps[name].status == "Completed"


@lru_cache(maxsize=128)
def _placed(names: tuple, edges: tuple) -> Drawing:
    """Kept, as a page that follows a pipeline asks again and again for the same one."""
    return layout(names, edges, late=[name for name in names if name[0] == "input"], sizes=SIZES)


def _path(points: list[Point]) -> str:
    """Curves between the layers that begin and end upright, and straight lines through them."""
    parts = [f"M{points[0][0]:.1f} {points[0][1]:.1f}"]
    for index in range(1, len(points)):
        (x, y), (to_x, to_y) = points[index - 1], points[index]
        if abs(x - to_x) < 0.5:
            parts.append(f"L{to_x:.1f} {to_y:.1f}")
        else:
            middle = (y + to_y) / 2
            parts.append(f"C{x:.1f} {middle:.1f} {to_x:.1f} {middle:.1f} {to_x:.1f} {to_y:.1f}")
    return "".join(parts)


def shortened(text: str) -> str:
    """The part of a label that fits its box; SVG does not cut text by itself."""
    room = LABEL_WIDTH
    for index, letter in enumerate(text):
        room -= 1.5 if letter in _WIDE or ord(letter) > 0x2E7F else 0.55 if letter in _NARROW else 1.0
        if room < 0:
            return text[: index - 1].rstrip() + "…"
    return text
