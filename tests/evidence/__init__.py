"""The audit of the evidence texts: what can be counted, what models make of them, and what loss they can show."""
