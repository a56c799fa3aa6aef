"""Texts nobody vouches for: as a person sees them, framed, shortened; and a model's, plain."""
