"""Programs that make what lies in data/, one a file. `train` runs those that make networks."""

NETWORKS = (
    "coursenet",
    "coursenet_b",
    "coursenet_robust",
    "drawnet",
    "generator",
    "snownet",
    "snownet_fixed",
    "stylenet",
)
