"""A small but real production on loopback: two versions of a web service, nginx hosts, Prometheus, steady traffic."""
