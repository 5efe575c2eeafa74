"""Values put at places, in pure JAX."""


def put(values, places, new):
    return values.at[places].set(new, mode="drop")
