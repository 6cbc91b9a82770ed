"""The client of Atelier; it imports nothing of the server."""
