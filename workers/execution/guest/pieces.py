"""Cuts tables into pieces that are scored one by one: parts of delimited and JSON-lines files, row groups of Parquet.

Standard library alone, under the interpreter of any environment; pyarrow and pandas only where a piece is read.
"""

import csv
import io
import os

PIECE_BYTES = 1 << 19
BLOCK = 1 << 16
DELIMITERS = {".csv": ",", ".tsv": "\t"}


def mini_batches(files, most_files):
    """Small files together, up to so many, and each piece of a large one by itself."""
    together = []
    for path in files:
        size = os.path.getsize(path)
        if size <= PIECE_BYTES:
            together.append({"path": path, "bytes": size})
        if together and (size > PIECE_BYTES or len(together) == most_files):
            yield task_of(together)
            together = []
        if size > PIECE_BYTES:
            for piece in pieces_of(path, size):
                yield task_of([piece], **({"part_of": path} if "whole" not in piece else {}))
    if together:
        yield task_of(together)


def task_of(pieces, **more):
    return {"pieces": pieces, "count": len(pieces), "bytes": sum(piece["bytes"] for piece in pieces), **more}


def pieces_of(path, size):
    kind = os.path.splitext(path)[1].lower()
    if kind in DELIMITERS:
        with open(path, "rb") as file:
            header = end_of_record(file, 0, size)
            yield from parts(file, path, header, size, header=header)
    elif kind == ".jsonl":
        with open(path, "rb") as file:
            yield from parts(file, path, 0, size)
    elif kind in (".parquet", ".pq"):
        yield from row_groups(path, size)
    else:
        yield {"path": path, "bytes": size, "whole": True}


def parts(file, path, start, size, **more):
    while start < size:
        end = end_of_record(file, start, size, PIECE_BYTES, quotes="header" in more)
        yield {"path": path, "start": start, "end": end, "bytes": end - start, **more}
        start = end


def end_of_record(file, start, size, least=0, quotes=True):
    """Where the first record ends that reaches `start + least`; a line break within quotes ends none."""
    file.seek(start)
    at, odd = start, False
    while at < size:
        block = file.read(max(BLOCK, least - (at - start)))
        if not block:
            break
        first = max(0, start + least - at)
        while True:
            found = block.find(b"\n", first)
            if found < 0:
                break
            if not quotes or not (odd ^ bool(block.count(b'"', 0, found) % 2)):
                return at + found + 1
            first = found + 1
        odd ^= bool(block.count(b'"') % 2)
        at += len(block)
    return size


def row_groups(path, size):
    import pyarrow.parquet

    with pyarrow.parquet.ParquetFile(path) as file:
        count = file.num_row_groups
    for group in range(count):
        yield {"path": path, "group": group, "bytes": size // count}


def records(piece):
    """How many rows a piece has, by its text alone, as pandas would count them."""
    if "group" in piece:
        import pyarrow.parquet

        with pyarrow.parquet.ParquetFile(piece["path"]) as file:
            return file.metadata.row_group(piece["group"]).num_rows
    text = io.StringIO(text_of(piece, with_header=False).decode(errors="replace"), newline="")
    if "header" not in piece:
        return sum(1 for line in text if line.strip())
    return sum(1 for row in csv.reader(text) if row and not (len(row) == 1 and row[0].isspace()))


def text_of(piece, with_header=True):
    with open(piece["path"], "rb") as file:
        header = file.read(piece.get("header", 0)) if with_header else b""
        file.seek(piece["start"])
        return header + file.read(piece["end"] - piece["start"])
