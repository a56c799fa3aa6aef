"""How good the answers are: cases with known answers, scores, comparisons of two runs."""
