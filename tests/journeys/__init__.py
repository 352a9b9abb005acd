"""Whole journeys, by the commands and over the wires that people use."""
