from ._reference import compact as compact
