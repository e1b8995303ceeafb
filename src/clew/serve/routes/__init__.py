"""The routes of the REST service, one resource a file."""
