"""The demos there are."""

# Name: module, what it shows.
DEMOS = {
    "fly": ("_fly", "the trained visual system of the fruit fly, 45,669 neurons, sees moving edges"),
    "coba": ("_coba", "a network of excitatory and inhibitory neurons in the asynchronous irregular state"),
    "digits": ("_digits", "a spiking network learns to read handwritten digits"),
    "brain": ("_brain", "a whole-brain model is fitted to a functional connectivity by gradients"),
}
