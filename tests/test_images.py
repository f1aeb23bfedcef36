"""Every kind of picture becomes the same kind of pixels, and what is no picture is told so in a
sentence.
"""

import numpy as np
import pytest
import torch
from PIL import Image

from cs231n_viz import images

RAMP = np.arange(8 * 12 * 3, dtype=np.uint8).reshape(8, 12, 3)  # (8, 12, 3), wraps round at 256


def saved(tmp_path, picture, name="picture.png", **options):
    picture.save(tmp_path / name, **options)
    return tmp_path / name


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


@pytest.mark.parametrize("size", [0, -3, (10, 0)])
def test_a_size_below_one_pixel_is_refused(size):
    with pytest.raises(ValueError, match="at least one pixel"):
        images.to_pixels(RAMP, size=size)


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
