"""Tests of the instruments: a measurement is worth what measures it."""
