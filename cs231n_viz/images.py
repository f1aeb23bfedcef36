"""Pictures <-> pixels. The one image convention: a float tensor (N, 3, H, W), RGB, in [0, 1]."""

import io
import os
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import ExifTags, Image, UnidentifiedImageError
from torch import Tensor

from .errors import unknown, whole

Picture = str | os.PathLike | bytes | Image.Image | np.ndarray | Tensor
Size = int | tuple[int, int]  # the side of a square, or (height, width)
LARGEST_PICTURE = 89_000_000  # pixels; as float32 RGB that is 1 GB of memory
WHITE = {torch.uint8: 255, torch.uint16: 65535, torch.bool: 1}


def to_pixels(picture: Picture, size: Size | None = None) -> Tensor:
    """Any picture as new pixels (1, 3, H, W) in [0, 1]: a file, its bytes, a PIL image, an array.

    Arrays are (H, W) or (H, W, channels), tensors (H, W) or (channels, H, W), with a batch axis in
    front if you like. 1 to 4 channels: grey, grey + alpha, RGB, RGB + alpha (laid on white). Values
    are uint8 (255 is white), uint16 (65535), bool, or float in [0, 1]; other whole numbers do not
    say what white is, and are refused. A camera's rotation mark (EXIF) is obeyed. Of an animation,
    or a file of several pages, the first picture is read. size: None keeps the size; an int crops
    the centred square and scales it; (height, width) crops to those proportions and scales.
    """
    name = "the picture"
    if isinstance(picture, str | os.PathLike):
        path = Path(picture).expanduser()
        name, picture = str(path), _file_bytes(path)
    if isinstance(picture, bytes | bytearray | memoryview | Image.Image):
        picture = _decode(picture, name)
    if isinstance(picture, np.ndarray):
        picture = _to_tensor(picture)
    if not isinstance(picture, Tensor):
        kind = type(picture).__name__
        raise TypeError(f"a picture is a path, PIL image, array or tensor, not a {kind}.")
    pixels = _to_rgb(_to_float(picture))
    check_pixels(pixels)
    if pixels.shape[-2:] == (1, 1):
        raise ValueError(f"{name} is 1 x 1 pixels, with nothing to see in it: give a larger one.")
    if size is not None:
        pixels = resize(_crop_to_proportions(pixels, *height_width(size)), size)
    # scaling ends up to 1e-7 outside; and the caller's own memory is left behind
    return pixels.clamp(0, 1)


def to_picture(pixels: Tensor) -> Image.Image:
    """One picture (1, C, H, W) or (C, H, W), C = 3 or 1, as a PIL image, clamped to [0, 1]."""
    if not (isinstance(pixels, Tensor) and pixels.is_floating_point() and pixels.isfinite().all()):
        raise _why_not(pixels)
    shape = tuple(pixels.shape)
    if len(shape) not in (3, 4) or shape[-3] not in (1, 3) or (len(shape) == 4 and shape[0] != 1):
        hint = "; pixels[0] is the first of a batch" if len(shape) == 4 and shape[0] > 1 else ""
        raise ValueError(f"one picture is (1, 3, H, W), (3, H, W) or (1, H, W), not {shape}{hint}.")
    levels = (pixels.detach().float().reshape(shape[-3:]).clamp(0, 1) * 255).round()
    array = levels.to(torch.uint8).cpu().permute(1, 2, 0).numpy()  # (H, W, C)
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def check_pixels(pixels: Tensor, channels: int | None = 3) -> None:
    """Raises an error with the reason, unless pixels are floats (N, channels, H, W) in [0, 1].

    channels=None allows any number of them.
    """
    fits = _is_batch(pixels) and channels in (None, pixels.shape[1])
    if not fits or not all(-1e-4 <= end <= 1 + 1e-4 for end in pixels.aminmax()):  # or it is NaN
        raise _why_not(pixels, channels)


def check_one(name: str, pixels: Tensor, channels: int = 3) -> None:
    """`check_pixels` of a single picture, (1, channels, H, W)."""
    check_pixels(pixels, channels)
    if len(pixels) != 1:
        raise ValueError(f"{name} is one picture, not {len(pixels)}: [:1] is the first of them.")


def height_width(size: Size, least: int = 1, name: str = "pixels") -> tuple[int, int]:
    """(height, width) of a size that is the side of a square or both; name: what errors call it."""
    sides = size if isinstance(size, list | tuple) else (size, size)
    if len(sides) != 2:
        raise TypeError(f"the size in {name} is a side or (height, width), not {size}.")
    height = whole(f"the height in {name}", sides[0], least, LARGEST_PICTURE)
    return height, whole(f"the width in {name}", sides[1], least, LARGEST_PICTURE // height)


def _is_batch(pixels: Tensor) -> bool:
    floats = isinstance(pixels, Tensor) and pixels.is_floating_point()
    return floats and pixels.dim() == 4 and pixels.numel() > 0


def _why_not(pixels: Tensor, channels: int | None = None) -> Exception:
    if not isinstance(pixels, Tensor):
        kind = type(pixels).__name__
        return TypeError(f"pixels are a float tensor, not a {kind}: use images.to_pixels.")
    if not pixels.is_floating_point():
        return ValueError(f"pixels are floats in [0, 1], not {pixels.dtype}: use images.to_pixels.")
    if unusable := int((~pixels.isfinite()).sum()):
        return ValueError(f"pixels hold {unusable} values that are NaN or infinite.")
    shape, wanted = tuple(pixels.shape), f"(N, {channels or 'C'}, H, W)"
    if len(shape) != 4 or 0 in shape:
        hint = "; pixels[None] makes a batch of one picture" if len(shape) == 3 else ""
        return ValueError(f"pixels have the shape {wanted}, not {shape}{hint}.")
    if channels not in (None, shape[1]):
        hint = "; pixels.expand(-1, 3, -1, -1) makes grey pictures RGB" if shape[1] == 1 else ""
        if shape[3] == channels:
            hint = "; pixels.permute(0, 3, 1, 2) puts the channels second"
        return ValueError(f"pixels have {channels} channels, {wanted}, not {shape}{hint}.")
    low, high = pixels.min().item(), pixels.max().item()
    hint = "Use .clamp(0, 1), or images.stretch to show them"
    if low >= 0 and high > 2:
        hint = "They look like 0 to 255: divide by 255"
    elif low < -0.5:
        hint = "If they were normalised by mean and std: leave that to the network"
    return ValueError(f"pixels lie in [0, 1], these run from {low:.4g} to {high:.4g}. {hint}.")


def resize(pixels: Tensor, size: Size) -> Tensor:
    """Pixels (N, C, H, W) at another size. Antialiased, differentiable, of any values."""
    if not _is_batch(pixels):
        raise _why_not(pixels)
    wide = pixels.float() if pixels.itemsize < 4 else pixels  # torch cannot in half precision
    return F.interpolate(wide, height_width(size), mode="bilinear", antialias=True).to(pixels)


def stretch(values: Tensor) -> Tensor:
    """(v - min) / (max - min): any values brought to [0, 1] for display; constants become 0.5."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high != low else torch.full_like(values, 0.5)


# --- files ----------------------------------------------------------------------------------------


def _file_bytes(path: Path) -> bytes:
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: data.folder reads a folder of pictures.")
    if path.exists():
        return path.read_bytes()
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path} does not exist: there is no folder {path.parent}.")
    files = sorted(item.name for item in path.parent.iterdir() if item.is_file())
    near = unknown("file", path.name, files, most=6) if files else "no files in that folder."
    raise FileNotFoundError(f"{path} does not exist: {near}")


def _decode(source: bytes | Image.Image, name: str) -> np.ndarray:
    """Encoded bytes, or a PIL image of any mode, as an array (H, W) or (H, W, channels)."""
    try:
        picture = source if isinstance(source, Image.Image) else Image.open(io.BytesIO(source))
        if picture.width * picture.height > LARGEST_PICTURE:
            raise Image.DecompressionBombError
        return _upright(_to_array(picture), picture)
    except Exception as error:  # the decoders raise all sorts of things over a damaged file
        why = f"damaged or cut short ({error}): get a fresh copy of it"
        if isinstance(error, UnidentifiedImageError):
            why = "not a picture in a known format: save it as PNG or JPEG"
        if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
            why = f"too large, over {LARGEST_PICTURE:,} pixels: save a smaller copy of it"
        raise ValueError(f"{name} is {why}.") from error


def _to_array(picture: Image.Image) -> np.ndarray:
    """A PIL image of any mode as an array (H, W) or (H, W, channels)."""
    if picture.mode == "F" or (picture.mode == "I" and picture.format not in ("PNG", "PPM")):
        return np.asarray(picture)  # of 32 bits; what white is in whole numbers, nothing says
    key = picture.info.get("transparency")  # PNG: the color that is transparent
    keyed = isinstance(key, int | tuple) and picture.mode in ("1", "L", "I", "I;16", "RGB")
    if keyed or picture.mode.startswith("I"):
        levels, white = _levels(picture)
        opaque = np.any(np.atleast_3d(levels != key), axis=2)
        return np.dstack([levels / white, opaque]) if keyed else levels / white
    picture = picture.convert("LA") if picture.mode == "La" else picture  # no way from La to RGB
    return np.asarray(picture.convert("RGBA" if picture.has_transparency_data else "RGB"))


def _levels(picture: Image.Image) -> tuple[np.ndarray, np.float32]:
    """The float32 numbers that stand in the file of a grey or RGB picture, and which is white."""
    stored = picture.tile[0][3] if getattr(picture, "tile", None) else ""  # gone once it is loaded
    tags = getattr(picture, "tag_v2", {})  # of a TIFF
    if stored == "RGB;16B":  # of each two bytes Pillow keeps the upper, and reads the lower like so
        low = Image.open(picture.fp)
        low.tile = [(*low.tile[0][:3], "RGB;16L")]
        return np.asarray(low) + 256 * np.asarray(picture, np.float32), np.float32(65535)
    levels = np.asarray(picture.convert("L") if picture.mode == "1" else picture, np.float32)
    if picture.mode.startswith("I"):
        white = np.float32(2 ** tags.get(ExifTags.Base.BitsPerSample, (16,))[0] - 1)
        white_is_zero = tags.get(ExifTags.Base.PhotometricInterpretation) == 0
        return (white - levels if white_is_zero else levels), white
    white = np.float32({"L;2": 3, "L;4": 15}.get(stored, 255))
    return levels / (255 // white), white


def _upright(array: np.ndarray, picture: Image.Image) -> np.ndarray:
    """The array turned as the EXIF orientation says: 1 (upright) to 8."""
    mark = 1
    with suppress(Exception):  # broken EXIF raises all sorts of things over a sound picture
        mark = int(picture.getexif().get(ExifTags.Base.Orientation, 1))
    array = array.swapaxes(0, 1) if mark in (5, 6, 7, 8) else array
    return array[:: -1 if mark in (3, 4, 7, 8) else 1, :: -1 if mark in (2, 3, 6, 7) else 1]


# --- arrays ---------------------------------------------------------------------------------------


def _to_tensor(array: np.ndarray) -> Tensor:
    """An array (…, H, W[, channels]) as a tensor of its own memory (…, [channels,] H, W)."""
    if array.ndim > 2 and array.shape[-1] > 4 >= array.shape[-3]:
        first = f"an array is (H, W, channels); this one, {array.shape}, has its channels first"
        raise ValueError(f"{first}: give torch.from_numpy(array), whose order that is.")
    if array.dtype.kind not in "buif":
        raise TypeError(f"an array of {array.dtype} is no picture: give uint8, uint16 or float.")
    native = np.float32 if array.dtype.kind == "f" else array.dtype.newbyteorder("=")
    array = np.array(array, native, order="C")
    return torch.from_numpy(array if array.ndim == 2 else np.moveaxis(array, -1, -3))


def _to_float(tensor: Tensor) -> Tensor:
    if tensor.is_floating_point():
        return tensor.float()
    if tensor.dtype not in WHITE:
        raise ValueError(f"numbers of {tensor.dtype} do not say what white is: make them uint8.")
    return tensor.float() / WHITE[tensor.dtype]


def _to_rgb(tensor: Tensor) -> Tensor:
    """(H, W), (C, H, W) or (N, C, H, W) with 1 to 4 channels -> (N, 3, H, W), alpha on white."""
    shape = tuple(tensor.shape)
    if not 2 <= len(shape) <= 4 or 0 in shape:
        raise ValueError(f"a picture is (H, W), (channels, H, W) or a batch of those, not {shape}.")
    batch = tensor.reshape((1,) * (4 - len(shape)) + shape)
    channels = batch.shape[1]
    if channels > 4:
        hint = " The channels look last: use .movedim(-1, -3)." if shape[-1] <= 4 else ""
        raise ValueError(f"a picture has 1 to 4 channels, and {shape} has {channels}.{hint}")
    color, alpha = (batch[:, :-1], batch[:, -1:]) if channels in (2, 4) else (batch, 1)
    return (color.expand(-1, 3, -1, -1) * alpha + (1 - alpha)).contiguous()


def _crop_to_proportions(pixels: Tensor, height: int, width: int) -> Tensor:
    """The largest centred crop with these proportions; cropped before scaling, to save memory."""
    rows, columns = pixels.shape[-2:]
    keep_rows = max(1, min(rows, round(columns * height / width)))
    keep_columns = max(1, min(columns, round(rows * width / height)))
    top, left = (rows - keep_rows) // 2, (columns - keep_columns) // 2
    return pixels[..., top : top + keep_rows, left : left + keep_columns]
