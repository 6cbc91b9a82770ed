"""Code assets as Azure's client uploads them."""

from urllib.parse import urlsplit

import pytest

from app.access import queries, service
from app.database import transaction

CODE = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/default/codes/c1/versions"
)


@pytest.fixture
def client(anonymous, started):
    """Alice with a personal token, as signed addresses are given for tokens only."""
    with transaction() as session:
        token = service.create_token(session, queries.get_user(session, "alice"), "laptop")[1]
    anonymous.headers["Authorization"] = f"Bearer {token}"
    return anonymous


def test_code_is_uploaded_to_a_signed_address_that_opens_its_folder_only(client):
    place = client.post(f"{CODE}/1/startPendingUpload", json={}).json()["blobReferenceForConsumption"]
    signed = urlsplit(place["credential"]["sasUri"])
    del client.headers["Authorization"]
    put = client.put(f"{signed.path}/src/main.py?{signed.query}", content=b"print()")
    assert put.status_code == 201
    elsewhere = signed.path.replace("/c1", "/c2")
    assert client.put(f"{elsewhere}/src/main.py?{signed.query}", content=b"print()").status_code == 403
    assert client.get(f"{elsewhere}?comp=list&{signed.query}").status_code == 403


def test_code_is_found_again_by_the_hash_of_its_content(client):
    place = client.post(f"{CODE}/1/startPendingUpload", json={}).json()["blobReferenceForConsumption"]
    uri = f"{place['blobUri']}/src"
    properties = {"codeUri": uri, "properties": {"hash_sha256": "abc"}}
    missing = client.put(f"{CODE}/1", json={"properties": properties})
    assert missing.status_code == 404 and missing.json()["error"]["target"] == "properties.codeUri"
    client.put(f"{urlsplit(uri).path}/main.py", content=b"print()")
    assert client.put(f"{CODE}/1", json={"properties": properties}).status_code == 201
    (found,) = client.get(CODE.replace("c1", "another"), params={"hash": "abc", "hashVersion": "202208"}).json()[
        "value"
    ]
    assert found["id"] == f"{CODE}/1" and found["properties"]["codeUri"] == uri
    assert client.get(CODE, params={"hash": "other"}).json()["value"] == []
    other = {"codeUri": f"{uri}2"}
    client.put(f"{urlsplit(uri).path}2/main.py", content=b"print()")
    assert client.put(f"{CODE}/1", json={"properties": other}).status_code == 409
