"""Profiles of data: what is asked for over REST and pages, what a worker makes of it, and what cannot be read."""

import duckdb
import pytest

from app.assets.addresses import stored_address
from app.cli import assets, main
from app.data import service
from app.database import transaction
from app.kit.storage import store
from app.sdk.client import Client
from workers.reconcile import profiles

CSV = "x,name,day,none\n" + "".join(f"{n % 3},k{n % 2},2026-01-{n + 1:02},\n" for n in range(9)) + "7,k1,2026-02-01,\n"
ON_SQLITE = pytest.mark.parametrize("settings", ["sqlite"], indirect=True)


def keep(alice, name: str, type: str, files: dict[str, bytes]) -> str:
    """Register these files; the address of the version's profile."""
    with transaction() as session:
        for path, body in files.items():
            store().write_bytes(f"workspaces/1/uploads/{name}/{path}", body)
        only = next(iter(files)) if type == "uri_file" else ""
        address = stored_address(f"uploads/{name}/{only}".rstrip("/"))
        service.register(session, 1, name, type, address, created_by="alice")
    return f"/api/data/{name}/versions/1/profile"


def made(alice, settings, address: str, path: str = "") -> dict:
    asked = alice.post(address, params={"path": path})
    assert (asked.status_code, asked.json()["state"]) == (202, "Waiting"), asked.text
    profiles.reconcile(settings)
    return alice.get(address, params={"path": path}).json()


def test_a_worker_describes_every_column(alice, settings, monkeypatch, capsys):
    address = keep(alice, "t", "uri_file", {"t.csv": CSV.encode()})
    assert alice.get(address).status_code == 404
    profile = made(alice, settings, address)
    assert profile["state"] == "Completed", profile
    x, name, day, none = profile["result"]["columns"]
    assert profile["result"]["rows"] == 10 and profile["result"]["head"][0] == ["0", "k0", "2026-01-01", None]
    assert (x["kind"], x["min"], x["max"], x["mean"], x["distinct"]) == ("number", 0, 7, 1.6, 4)
    assert x["histogram"]["counts"] == [3, 3, 3, 0, 0, 0, 0, 1] and x["top"][0] == ["0", 3]
    assert (name["kind"], name["top"]) == ("text", [["k0", 5], ["k1", 5]])
    assert (day["kind"], day["min"], day["max"]) == ("time", "2026-01-01", "2026-02-01")
    assert none["missing"] == 10 and none["distinct"] == 0
    page = alice.get("/data/t/versions/1/profile").text
    assert "10 rows" in page and "How the values of x are distributed, from 0 to 7" in page
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    monkeypatch.setattr(assets, "connect", lambda _: Client("http://testserver", token, transport=alice._transport))
    assert main.main(["data", "profile", "--name", "t", "--query", "[rows, columns[0].mean]", "-o", "tsv"]) == 0
    assert capsys.readouterr().out.split() == ["10", "1.6"]
    again = alice.post(address).json()
    assert again["state"] == "Completed" and again["asked_at"] == profile["asked_at"]


@ON_SQLITE
def test_formats_dialects_and_lines_that_are_broken(alice, settings, tmp_path):
    none = "CASE range WHEN 0 THEN 'inf'::DOUBLE WHEN 1 THEN 'nan'::DOUBLE ELSE range END AS f"
    duckdb.sql(f"SELECT {none}, range % 2 = 0 AS even FROM range(6)").write_parquet(str(tmp_path / "a.parquet"))
    folder = {
        "a.parquet": (tmp_path / "a.parquet").read_bytes(),
        "b.csv": "näme;wert\nü;1,5\nö;2\n".encode("latin-1"),
        "c.csv": b"a,b\n1,2\nbroken\n3,4\n",
        "d.jsonl": b'{"a": 1, "b": {"c": [1]}}\n{"a": null}\n',
        "e.csv": b"1,2\n3,4\n",
        "f.bin": b"\0",
        "by/year=2026/[1]*.csv": b"a,b\n1,2\n",
        "g.csv": b"v,w\n1e308,2\n-1e308,nan\n1e308,1\n",
    }
    address = keep(alice, "f", "uri_folder", folder)
    parquet = made(alice, settings, address, "a.parquet")["result"]
    assert [column["kind"] for column in parquet["columns"]] == ["number", "boolean"]
    assert (parquet["columns"][0]["missing"], parquet["columns"][0]["infinite"], parquet["columns"][0]["min"]) == (
        1,
        1,
        2,
    )
    latin = made(alice, settings, address, "b.csv")["result"]
    assert [column["name"] for column in latin["columns"]] == ["näme", "wert"] and "latin-1" in latin["notes"][0]
    broken = made(alice, settings, address, "c.csv")["result"]
    assert (broken["rows"], broken["left_out"]) == (2, 1) and "line 3" in broken["why"]
    nested = made(alice, settings, address, "d.jsonl")["result"]
    assert [column["missing"] for column in nested["columns"]] == [1, 1]
    assert made(alice, settings, address, "e.csv")["result"]["rows"] == 2
    parted = made(alice, settings, address, "by/year=2026/[1]*.csv")["result"]
    assert [column["name"] for column in parted["columns"]] == ["a", "b", "year"]
    huge = made(alice, settings, address, "g.csv")["result"]["columns"][0]
    assert (huge["max"], huge["std"]) == (1e308, None)
    refused = made(alice, settings, address, "f.bin")
    assert refused["state"] == "Failed" and "no table" in refused["error"]
    missing = made(alice, settings, address, "gone.csv")
    assert "no file 'gone.csv'" in missing["error"]


@ON_SQLITE
def test_an_mltable_is_read_as_its_file_says(alice, settings):
    text = """\
paths:
  - pattern: ./parts/*.txt
transformations:
  - read_delimited: {delimiter: '|', header: no_header, encoding: ascii}
  - keep_columns: [column0]
  - take: 3
  - convert_column_types: []
"""
    parts = {f"parts/{n}.txt": b"1|x\n2|y\n" for n in range(2)}
    address = keep(alice, "m", "mltable", {"MLTable": text.encode(), "parts/sub/z.txt": b"9|z\n", **parts})
    result = made(alice, settings, address)["result"]
    assert [column["name"] for column in result["columns"]] == ["column0"]
    assert (result["rows"], result["files"], result["is_cut"]) == (3, 2, False)
    assert "convert_column_types" in result["notes"][0]
