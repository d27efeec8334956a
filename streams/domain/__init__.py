"""The rules, one module per aggregate. Pure: no clock, no sockets, no framework."""
