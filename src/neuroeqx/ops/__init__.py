from . import csr as csr, dense as dense, events as events
