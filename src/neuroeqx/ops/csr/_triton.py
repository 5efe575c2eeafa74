from ._reference import add_matvec as add_matvec, outer as outer, rmatvec as rmatvec
