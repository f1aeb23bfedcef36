"""Trains the bundled networks, one program a file; `classifier`, `training` are shared."""

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
