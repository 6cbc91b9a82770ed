"""Reads of data assets."""

from app.assets.versioned import Versioned
from app.data.tables import DataAsset, DataVersion

DATA = Versioned("data asset", DataAsset, DataVersion)

find, get, get_version, versions, page = DATA.find, DATA.get, DATA.get_version, DATA.versions, DATA.page
