"""Trains the bundled networks, one program a file; `classifier` and `training` hold what they
share.
"""

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
