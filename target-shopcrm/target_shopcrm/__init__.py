"""A Singer target that delivers canonical shop records to CRMs, behind one consent gate."""
