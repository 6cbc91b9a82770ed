import os

# A container engine of this machine is for the tests of containers alone.
os.environ.setdefault("ATELIER_CONTAINERS", "off")
