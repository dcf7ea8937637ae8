"""Boxes above the panels that ask or tell; pure: keys in, lines out."""
