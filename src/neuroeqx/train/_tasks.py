"""The tasks there are."""

# Name: module, what is trained.
TASKS = {
    "reservoir": ("_reservoir", "an echo state network that is stored nowhere reads images row by row"),
    "liquid": ("_liquid", "a spiking liquid state machine reads images row by row"),
    "force": ("_force", "chaotic networks of rate units or spiking neurons learn a sum of sines by FORCE"),
    "stdp": ("_stdp", "spiking neurons find features of digits by spike-timing dependent plasticity alone"),
    "latency": ("_latency", "a feed-forward spiking network sees one spike of each pixel, the earlier the brighter"),
    "speech": ("_speech", "a recurrent spiking network hears spoken digits"),
    "match": (
        "_match",
        "rate units or spiking neurons say whether two directions of motion, a second apart, are the same",
    ),
    "yinyang": ("_yin_yang", "times of spikes tell the classes of the Yin-Yang data set, by exact gradients"),
    "evidence": (
        "_evidence",
        "excitatory and inhibitory rate units count cues and remember on which side there were more",
    ),
    "cell": ("_cell", "AdEx and GLIF neurons fire as a recorded one does, by maximum likelihood"),
}
