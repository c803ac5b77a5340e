"""Measuring: bare counterparts, load, servers, plans and reports."""
