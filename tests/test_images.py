"""Every kind of picture becomes the same kind of pixels, and what is no picture is told so in a
sentence.
"""

import io
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torchvision import transforms

from cs231n_viz import images

RAMP = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)  # (8, 12, 3), wraps round at 256


def saved(tmp_path, picture, name="picture.png", **options):
    picture.save(tmp_path / name, **options)
    return tmp_path / name


def encoded(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def png(levels, depth, transparent):
    """The bytes of a PNG of grey levels (H, W) or colours (H, W, 3) of `depth` bits, with a tRNS
    chunk: Pillow itself writes few of these.
    """

    def chunk(name, content):
        checked = name + content
        return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))

    def row(numbers):  # its highest bits first
        bits = numbers.astype(int).reshape(-1, 1) >> np.arange(depth)[::-1] & 1
        return b"\0" + np.packbits(bits.reshape(-1).astype(bool)).tobytes()

    height, width = levels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, depth, 0 if levels.ndim == 2 else 2, 0, 0, 0)
    key = np.array(transparent, ">u2").tobytes()
    packed = zlib.compress(b"".join(row(numbers) for numbers in levels))
    parts = {b"IHDR": header, b"tRNS": key, b"IDAT": packed, b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts.items())


def tiff(levels, bits, packed, white_is_zero=False):
    """The bytes of a little-endian grey TIFF, one strip, as a microscope writes it."""
    height, width = levels.shape
    tags = {256: width, 257: height, 258: bits, 259: 1, 262: int(not white_is_zero), 273: 8}
    tags |= {277: 1, 278: height, 279: len(packed)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed + directory


# --- there and back -------------------------------------------------------------------------------


def test_an_eight_bit_rgb_picture_comes_back_exactly():
    every_level = np.arange(256, dtype=np.uint8).reshape(16, 16)
    array = np.stack([every_level, every_level.T, 255 - every_level], axis=2)
    pixels = images.to_pixels(Image.fromarray(array))
    assert (
        pixels.shape == (1, 3, 16, 16) and pixels.dtype == torch.float32 and pixels.is_contiguous()
    )
    assert (np.asarray(images.to_picture(pixels)) == array).all()


def test_a_file_its_bytes_a_pil_image_an_array_and_a_tensor_give_the_same_pixels(tmp_path):
    path = saved(tmp_path, Image.fromarray(RAMP))
    expected = torch.from_numpy(RAMP).permute(2, 0, 1)[None] / 255
    channels_first = torch.from_numpy(RAMP).permute(2, 0, 1)
    for picture in (
        path,
        str(path),
        path.read_bytes(),
        Image.open(path),
        RAMP,
        channels_first,
        expected,
    ):
        assert torch.equal(images.to_pixels(picture), expected)


def test_to_picture_clamps_and_rounds():
    values = torch.tensor([-1.0, 0.0, 0.4999, 0.5001, 1.0, 7.0]).expand(1, 3, 1, 6)
    assert np.asarray(images.to_picture(values))[0, :, 0].tolist() == [0, 0, 127, 128, 255, 255]


def test_to_picture_takes_one_picture_with_or_without_a_batch_axis_in_colour_or_grey():
    assert images.to_picture(torch.rand(1, 3, 4, 6)).size == (6, 4)
    assert images.to_picture(torch.rand(3, 4, 6)).mode == "RGB"
    assert images.to_picture(torch.rand(1, 4, 6)).mode == "L"
    assert images.to_picture(torch.rand(1, 1, 4, 6)).mode == "L"
    images.to_picture(torch.rand(3, 4, 6, requires_grad=True))


@pytest.mark.parametrize(
    "array", [RAMP, RAMP / np.float32(255), torch.rand(1, 3, 5, 5), torch.rand(3, 5, 5)]
)
def test_the_callers_array_is_neither_changed_nor_shared(array):
    before = array.copy() if isinstance(array, np.ndarray) else array.clone()
    images.to_pixels(array).zero_()
    assert (array == before).all()


# --- every kind of picture ------------------------------------------------------------------------


def test_grey_becomes_three_equal_channels(tmp_path):
    path = saved(tmp_path, Image.fromarray(RAMP[..., 0]))
    for picture in (path, RAMP[..., 0], RAMP[..., :1], torch.from_numpy(RAMP[..., 0])):
        pixels = images.to_pixels(picture)
        assert pixels.shape == (1, 3, 8, 12)
        assert torch.equal(pixels, (torch.from_numpy(RAMP[..., 0]) / 255).expand(1, 3, 8, 12))


def test_transparency_shows_white_behind(tmp_path):
    half_red = Image.new("RGBA", (4, 4), (255, 0, 0, 51))  # alpha 0.2
    expected = torch.tensor([1.0, 0.8, 0.8])
    for picture in (saved(tmp_path, half_red), half_red, np.asarray(half_red)):
        torch.testing.assert_close(images.to_pixels(picture)[0, :, 0, 0], expected)
    grey_alpha = np.full((4, 4, 2), (0, 51), dtype=np.uint8)
    torch.testing.assert_close(images.to_pixels(grey_alpha)[0, :, 0, 0], torch.full((3,), 0.8))


def test_a_palette_with_a_transparent_colour_shows_white_there(tmp_path):
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([0, 0, 255, 0, 255, 0])
    palette.putpixel((1, 0), 1)
    pixels = images.to_pixels(saved(tmp_path, palette, transparency=0))
    assert pixels[0, :, 0, 0].tolist() == [1, 1, 1] and pixels[0, :, 0, 1].tolist() == [0, 1, 0]


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_level_of_a_grey_png_shows_white_at_every_depth(depth):
    most = 2**depth - 1
    levels = np.arange(96).reshape(8, 12) * 601 % (most + 1)
    for level in (0, int(levels[3, 5]), most):
        expected = np.where(levels == level, 1, levels / most)
        for picture in both_ways(png(levels, depth, level)):
            assert np.allclose(images.to_pixels(picture)[0], expected, atol=1e-6), level


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("color", [(0, 0, 0), (3, 300, 60_000)])
def test_the_transparent_color_of_an_rgb_png_is_compared_in_all_its_bits(depth, color):
    color = np.array(color) % 2**depth
    levels = np.random.default_rng(0).integers(0, 2**depth, (8, 12, 3))
    levels[2:4, 3:5] = color
    levels[5, 5:9] = color + (0, 0, 1)  # nearly the same color is not transparent
    expected = np.where((levels == color).all(axis=2, keepdims=True), 1, levels / (2**depth - 1))
    for picture in both_ways(png(levels, depth, color)):
        pixels = images.to_pixels(picture)[0].permute(1, 2, 0)
        assert np.allclose(pixels, expected, atol=1e-6)


def both_ways(content):
    return content, Image.open(io.BytesIO(content))


@pytest.mark.parametrize("modes", [["LA"], ["RGBA"], ["RGBA", "PA"], ["La"], ["RGBA", "RGBa"]])
@pytest.mark.parametrize(("grey", "alpha"), [(0, 0), (100, 51), (60, 255)])
def test_alpha_is_laid_on_white_in_every_mode_that_has_it(modes, grey, alpha):
    picture = Image.new("LA", (2, 2), (grey, alpha))
    for mode in modes:
        picture = picture.convert(mode)
    lost = 3 if modes[-1] in ("La", "RGBa") else 0.01  # grey · alpha, rounded
    on_white = (grey * alpha + 255 * (255 - alpha)) / 255
    assert (images.to_pixels(picture) * 255 - on_white).abs().max() <= lost


@pytest.mark.parametrize(
    ("mode", "lost"),
    [("RGBX", 0), ("CMYK", 0), ("RGBA", 0), ("YCbCr", 3), ("HSV", 6), ("LAB", 18)],
)
def test_every_colour_space_of_pillow_becomes_rgb(mode, lost):
    colors = np.random.default_rng(0).integers(0, 256, (8, 12, 3), dtype=np.uint8)
    picture = Image.fromarray(colors)
    difference = images.to_pixels(picture.convert(mode)) - images.to_pixels(picture)
    assert (difference.abs() * 255).max() <= lost + 1e-4  # the rounding of that space


def test_cmyk_becomes_rgb(tmp_path):
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))  # magenta + yellow = red
    pixels = images.to_pixels(saved(tmp_path, ink, "ink.jpg", quality=100))
    torch.testing.assert_close(pixels[0, :, 8, 8], torch.tensor([1.0, 0.0, 0.0]), atol=0.02, rtol=0)


def test_sixteen_bits_are_scaled_and_not_cut_off(tmp_path):
    deep = np.linspace(0, 65535, 96).astype(np.uint16).reshape(8, 12)
    expected = torch.from_numpy(deep.astype(np.float32) / 65535)
    png, tif = (saved(tmp_path, Image.fromarray(deep), name) for name in ("deep.png", "deep.tif"))
    for picture in (png, tif, deep, deep.astype(">u2"), torch.from_numpy(deep)):
        torch.testing.assert_close(images.to_pixels(picture)[0, 1], expected)


def test_sixteen_bits_count_to_the_same_white_in_every_format():
    deep = np.linspace(0, 65535, 96).astype(np.uint16).reshape(8, 12)
    picture = Image.fromarray(deep)
    modes = [picture, *(picture.convert("I").convert(mode) for mode in ("I;16B", "I;16L"))]
    files = [encoded(picture, kind) for kind in ("PNG", "PPM", "TIFF")]
    large = tiff(deep, 16, (65535 - deep).tobytes(), white_is_zero=True)
    for each in (*modes, *files, encoded(modes[1], "TIFF"), large):
        assert np.allclose(images.to_pixels(each)[0, 0], deep / 65535, atol=1e-6)


def test_twelve_bits_of_a_microscope_are_not_shown_sixteen_times_too_dark():
    deep = np.linspace(0, 4095, 96).astype(int).reshape(8, 12)
    first, second = deep.reshape(-1, 2).T  # two numbers in three bytes
    packed = np.stack([first >> 4, (first & 15) << 4 | second >> 8, second & 255], axis=1)
    content = tiff(deep, 12, packed.astype(np.uint8).tobytes())
    for picture in both_ways(content):
        assert np.allclose(images.to_pixels(picture)[0, 0], deep / 4095, atol=1e-6)


def test_whole_numbers_without_a_known_white_are_refused_and_not_shown_nearly_black():
    numbers = RAMP[..., 0]
    for kind in (np.int8, np.int16, np.int32, np.int64, np.uint32, np.uint64):
        for array in (numbers.astype(kind), torch.from_numpy(numbers.astype(kind))):
            with pytest.raises(ValueError, match=f"{kind.__name__} do not say what white is"):
                images.to_pixels(array)
    picture = Image.fromarray(numbers.astype(np.int32))  # of mode I
    for each in (picture, encoded(picture, "TIFF")):
        with pytest.raises(ValueError, match="int32 do not say what white is.*uint8"):
            images.to_pixels(each)
    with pytest.raises(ValueError, match="look like 0 to 255: divide by 255"):
        images.to_pixels(picture.convert("F"))
    assert torch.equal(images.to_pixels(picture.convert("L")), images.to_pixels(numbers))


@pytest.mark.parametrize("mark", range(10))  # 0 and 9 mean nothing
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_every_rotation_mark_is_obeyed_as_pillow_does(mark, kind):
    exif = Image.Exif()
    exif[0x0112] = mark
    lossless = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(Image.fromarray(RAMP), kind, exif=exif, **lossless)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(content))))
    for picture in both_ways(content):
        assert torch.equal(images.to_pixels(picture), images.to_pixels(upright))


BROKEN_EXIF = [b"\0\x08\0\x02\x01\x12\0\x03", b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\x7f", b"MM"]


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("exif", BROKEN_EXIF)
def test_a_sound_picture_with_broken_exif_is_read_as_it_lies(kind, exif):
    picture = Image.new("RGB", (30, 20), "red")
    pixels = images.to_pixels(encoded(picture, kind, exif=exif))
    assert torch.allclose(pixels, images.to_pixels(picture), atol=0.02)


@pytest.mark.filterwarnings("ignore")
def test_a_readable_rotation_mark_counts_though_the_rest_of_the_exif_is_broken():
    mark = struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0)
    lost = struct.pack("<HHII", 0x010F, 2, 100, 10**6)  # a maker's name, far behind the end
    exif = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 2) + lost + mark + bytes(4)
    pixels = images.to_pixels(encoded(Image.fromarray(RAMP), "PNG", exif=exif))
    assert torch.equal(pixels, images.to_pixels(np.rot90(RAMP, -1)))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_several_pictures_in_a_file_the_first_is_read(kind):
    frames = [Image.new("RGB", (8, 8), color) for color in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert Image.open(io.BytesIO(content)).n_frames == 3
    assert torch.equal(images.to_pixels(content), images.to_pixels(frames[0]))


def test_the_rotation_mark_of_a_camera_is_obeyed(tmp_path):
    upright = np.zeros((16, 32, 3), dtype=np.uint8)
    upright[:, :16] = 255  # left half white
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn 90 degrees clockwise to see it upright"
    lying = Image.fromarray(np.rot90(upright))
    pixels = images.to_pixels(saved(tmp_path, lying, "camera.jpg", exif=exif, quality=100))
    assert pixels.shape == (1, 3, 16, 32)
    assert pixels[..., :12].min() > 0.9 and pixels[..., 20:].max() < 0.1


def test_black_and_white_and_float_pictures_work():
    assert images.to_pixels(np.eye(4, dtype=bool)).unique().tolist() == [0, 1]
    assert images.to_pixels(Image.new("1", (4, 4), 1)).min() == 1
    quarter = Image.fromarray(np.full((4, 4), 0.25, dtype=np.float32))
    assert images.to_pixels(quarter).unique().tolist() == [0.25]


def test_views_that_run_backwards_and_batches_work():
    torch.testing.assert_close(images.to_pixels(RAMP[:, ::-1]), images.to_pixels(RAMP).flip(-1))
    assert images.to_pixels(torch.rand(5, 3, 4, 6), size=2).shape == (5, 3, 2, 2)
    assert images.to_pixels(np.stack([RAMP, RAMP])).shape == (2, 3, 8, 12)


def test_every_kind_of_float_says_the_same():
    exact = RAMP // 64 / np.float32(4)  # quarters, which bfloat16 holds exactly
    expected = torch.from_numpy(exact).permute(2, 0, 1)[None]
    frozen = exact.copy()
    frozen.flags.writeable = False
    kinds = ["float16", "float64", ">f4", ">f8", np.longdouble]
    backwards = exact[::-1, ::-1].copy()[::-1, ::-1]
    arrays = [exact, frozen, np.asfortranarray(exact), backwards, *map(exact.astype, kinds)]
    tensors = [expected.to(kind) for kind in (torch.half, torch.bfloat16, torch.double)]
    for picture in (*arrays, *tensors):
        pixels = images.to_pixels(picture)
        assert pixels.dtype == torch.float32 and torch.equal(pixels, expected)
    assert torch.equal(images.to_pixels(np.array(RAMP, ">u2")), images.to_pixels(RAMP.astype("u2")))


def test_gradients_reach_the_tensor_that_was_given():
    tensor = torch.full((3, 8, 8), 0.5, requires_grad=True)
    images.to_pixels(tensor, size=4).sum().backward()
    assert tensor.grad.sum().item() == pytest.approx(3 * 4 * 4)


def test_a_picture_that_holds_nan_is_refused_and_never_shown_as_grey():
    spoilt = np.full((8, 8, 3), 0.5, np.float32)
    spoilt[2, 3] = np.nan
    for picture in (spoilt, torch.from_numpy(spoilt).movedim(-1, 0).half()):
        with pytest.raises(ValueError, match="3 values that are NaN"):
            images.to_pixels(picture)
    with pytest.raises(ValueError, match="NaN"):
        images.to_picture(images.stretch(torch.from_numpy(spoilt).movedim(-1, 0)))


# --- sizes ----------------------------------------------------------------------------------------


def test_a_size_takes_the_centred_square():
    wide = torch.zeros(1, 3, 10, 30)
    wide[..., 10:20] = 1
    assert torch.equal(images.to_pixels(wide, size=10), torch.ones(1, 3, 10, 10))
    assert images.to_pixels(wide, size=(20, 60)).shape == (1, 3, 20, 60)
    assert torch.equal(images.to_pixels(wide, size=(5, 5)), torch.ones(1, 3, 5, 5))


def test_a_long_strip_is_cut_before_it_is_scaled():
    assert images.to_pixels(torch.rand(3, 2, 20_000), size=224).shape == (1, 3, 224, 224)


def test_resize_averages_when_it_shrinks_and_lets_gradients_through():
    checkerboard = ((torch.arange(32)[:, None] + torch.arange(32)) % 2).float().expand(1, 3, 32, 32)
    assert (images.resize(checkerboard, 4) - 0.5).abs().max() < 0.02
    pixels = torch.rand(1, 3, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(images.resize(pixels, (4, 2)).sum(), pixels)
    assert gradient.sum().item() == pytest.approx(3 * 4 * 2, rel=1e-4)


def test_what_pillow_scales_comes_back_as_torchvision_would_have_it(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(noise))
    scaled = transforms.functional.resize(images.to_picture(images.to_pixels(path)), 16)
    theirs = transforms.ToTensor()(transforms.Resize(16)(Image.open(path)))[None]
    assert torch.equal(images.to_pixels(scaled), theirs)  # (1, 3, 16, 24)
    unrounded = images.resize(images.to_pixels(path), (16, 24))  # Pillow rounds between its passes
    assert 0 < (unrounded - theirs).abs().max() * 255 < 1


def test_stretch_runs_from_zero_to_one_and_makes_constants_grey():
    assert images.stretch(torch.tensor([-2.0, 0.0, 2.0])).tolist() == [0, 0.5, 1]
    assert images.stretch(torch.full((2, 2), 7.0)).unique().tolist() == [0.5]


# --- what is no picture ---------------------------------------------------------------------------


def test_a_missing_file_names_the_nearest_files_of_that_folder(tmp_path):
    saved(tmp_path, Image.fromarray(RAMP), "chelsea.png")
    with pytest.raises(
        FileNotFoundError, match="chelsae.png does not exist.*Did you mean 'chelsea.png'"
    ):
        images.to_pixels(tmp_path / "chelsae.png")
    with pytest.raises(FileNotFoundError, match="there is no folder .*nowhere"):
        images.to_pixels(tmp_path / "nowhere" / "cat.png")
    (tmp_path / "bare").mkdir()
    with pytest.raises(FileNotFoundError, match="no files in that folder"):
        images.to_pixels(tmp_path / "bare" / "cat.png")
    with pytest.raises(IsADirectoryError, match="data.folder"):
        images.to_pixels(tmp_path)


@pytest.mark.parametrize("name", ["noise.png", "noise.jpg"])
def test_a_truncated_file_is_said_to_be_cut_short_and_left_as_it_is(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(tmp_path, Image.fromarray(noise), name)
    half = path.read_bytes()[: path.stat().st_size // 2]
    path.write_bytes(half)
    with pytest.raises(ValueError, match=f"{name} is damaged or cut short.*fresh copy"):
        images.to_pixels(path)
    assert path.read_bytes() == half


def test_what_is_not_a_picture_is_told_so(tmp_path):
    (tmp_path / "notes.png").write_text("not a picture")
    with pytest.raises(
        ValueError, match="notes.png is not a picture in a known format.*PNG or JPEG"
    ):
        images.to_pixels(tmp_path / "notes.png")
    with pytest.raises(ValueError, match="the picture is not a picture in a known format"):
        images.to_pixels(b"")
    with pytest.raises(TypeError, match="path, PIL image, array or tensor, not a NoneType"):
        images.to_pixels(None)
    with pytest.raises(TypeError, match="array of <U3 is no picture"):
        images.to_pixels(np.array([["cat"]]))


def test_one_single_pixel_is_refused(tmp_path):
    with pytest.raises(ValueError, match="dot.png is 1 x 1 pixels.*larger"):
        images.to_pixels(saved(tmp_path, Image.new("RGB", (1, 1)), "dot.png"), size=224)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 20_000])
def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path, side):
    path = saved(tmp_path, Image.new("1", (side, side)), "bomb.png")
    with pytest.raises(ValueError, match="bomb.png is too large.*smaller copy"):
        images.to_pixels(path)


@pytest.mark.parametrize(
    ("picture", "sentence"),
    [
        (np.zeros((3, 50, 60), np.uint8), "channels first.*torch.from_numpy"),
        (torch.zeros(50, 60, 3), "channels look last.*movedim"),
        (torch.zeros(1, 50, 60, 3), "channels look last"),
        (torch.zeros(7, 50, 60), r"1 to 4 channels.*\(7, 50, 60\) has 7"),
        (torch.zeros(3), r"not \(3,\)"),
        (torch.zeros(1, 1, 3, 5, 5), "a batch of those"),
        (torch.zeros(3, 0, 5), r"not \(3, 0, 5\)"),
        (np.full((5, 5, 3), 200.0), "from 200 to 200. They look like 0 to 255: divide by 255"),
        (np.zeros((5, 5, 3), np.int64), "int64 do not say what white is.*uint8"),
        (torch.full((3, 5, 5), float("nan")), "75 values that are NaN"),
        (torch.linspace(-2, 2, 75).view(3, 5, 5), "normalised by mean and std"),
    ],
)
def test_arrays_that_are_no_picture_are_told_why(picture, sentence):
    with pytest.raises(ValueError, match=sentence):
        images.to_pixels(picture)


@pytest.mark.parametrize(
    "size", [np.int64(6), np.uint8(6), torch.tensor(6), (6, np.int32(6)), [6, 6]]
)
def test_a_whole_number_of_any_kind_is_a_size(size):
    assert images.to_pixels(RAMP, size).shape == images.resize(torch.rand(1, 3, 8, 8), size).shape
    assert images.to_pixels(RAMP, size).shape == (1, 3, 6, 6)


@pytest.mark.parametrize(
    ("size", "sentence"),
    [
        (0, "height in pixels is a whole number from 1 to 89000000, not 0"),
        (-3, "height in pixels is a whole number from 1"),
        ((10, 0), "width in pixels is a whole number from 1"),
        (10**6, "width in pixels is a whole number from 1 to 89, not 1000000"),
    ],
)
def test_a_size_below_one_pixel_or_beyond_all_memory_is_refused(size, sentence):
    for call in (images.to_pixels, images.resize):
        with pytest.raises(ValueError, match=sentence):
            call(torch.rand(1, 3, 8, 8), size)


@pytest.mark.parametrize(
    "size", [6.0, np.float32(6), True, (6, False), "6", (6, 6, 6), (6,), {6: 6}]
)
def test_what_is_no_whole_number_is_no_size(size):
    for call in (images.to_pixels, images.resize):
        with pytest.raises(TypeError, match="is a whole number, not|is a side or"):
            call(torch.rand(1, 3, 8, 8), size)


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (torch.zeros(3, 4, 4), r"not \(3, 4, 4\); pixels\[None\]"),
        (torch.zeros(1, 3, 0, 4), r"not \(1, 3, 0, 4\)"),
        (torch.zeros(1, 3, 4, 4, dtype=torch.int32), "not torch.int32: use images.to_pixels"),
        (RAMP, "not a ndarray: use images.to_pixels"),
    ],
)
def test_resize_says_what_it_takes(pixels, sentence):
    with pytest.raises((TypeError, ValueError), match=sentence):
        images.resize(pixels, 4)


@pytest.mark.parametrize("kind", [torch.half, torch.bfloat16, torch.double])
def test_resize_keeps_the_precision_that_it_is_given(kind):
    pixels = torch.rand(1, 3, 8, 8)
    resized = images.resize(pixels.to(kind), 5)
    assert resized.dtype == kind
    assert torch.allclose(resized.float(), images.resize(pixels, 5), atol=0.01)


def test_check_pixels_accepts_pixels():
    images.check_pixels(torch.rand(2, 3, 4, 4))
    images.check_pixels(torch.rand(2, 1, 4, 4), channels=1)


@pytest.mark.parametrize(
    ("pixels", "sentence"),
    [
        (
            torch.zeros(1, 3, 4, 4, dtype=torch.uint8),
            "floats in .*not torch.uint8: use images.to_pixels",
        ),
        (torch.zeros(3, 4, 4), r"not \(3, 4, 4\); pixels\[None\]"),
        (torch.zeros(4, 4), r"shape \(N, 3, H, W\), not \(4, 4\)"),
        (torch.zeros(0, 3, 4, 4), r"not \(0, 3, 4, 4\)"),
        (torch.zeros(1, 4, 4, 3), r"permute\(0, 3, 1, 2\)"),
        (torch.zeros(1, 1, 4, 4), r"expand\(-1, 3, -1, -1\)"),
        (torch.full((1, 3, 4, 4), float("inf")), "48 values that are NaN or infinite"),
        (torch.full((1, 3, 4, 4), 255.0), "look like 0 to 255"),
        (torch.full((1, 3, 4, 4), 1.2), r"from 1.2 to 1.2. Use .clamp\(0, 1\)"),
        (torch.full((1, 3, 4, 4), -2.0), "mean and std"),
    ],
)
def test_check_pixels_says_what_is_wrong(pixels, sentence):
    with pytest.raises(ValueError, match=sentence):
        images.check_pixels(pixels)


def test_an_array_is_not_yet_pixels():
    with pytest.raises(TypeError, match="not a ndarray: use images.to_pixels"):
        images.check_pixels(RAMP)
    with pytest.raises(TypeError, match="not a Image: use images.to_pixels"):
        images.to_picture(Image.new("RGB", (4, 4)))


def test_to_picture_says_which_shapes_it_takes():
    with pytest.raises(ValueError, match=r"not \(4, 3, 5, 5\); pixels\[0\]"):
        images.to_picture(torch.rand(4, 3, 5, 5))
    with pytest.raises(ValueError, match=r"one picture is .* not \(5, 5\)"):
        images.to_picture(torch.rand(5, 5))
    with pytest.raises(ValueError, match="NaN"):
        images.to_picture(torch.full((3, 5, 5), float("nan")))
