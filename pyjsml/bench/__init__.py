"""Timing: a bundle in an engine, or in a browser's page beside other runtimes."""

from __future__ import annotations
