"""Trains the bundled networks, one program a file; `classifier`, `training` are shared."""

NETWORKS = (
    "coursenet",
    "coursenet_b",
    "coursenet_robust",
    "drawnet",
    "efficientnet_lite0_drawn",
    "generator",
    "snownet",
    "snownet_fixed",
    "stylenet",
)
