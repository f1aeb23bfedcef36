"""Lesson 14's technique and its CS231n assignment: the loss of the papers, every control."""

import math

import nbformat
import pytest
import torch
import torchvision
from torchvision import transforms
from toy_nets import four_channel_net, plain_net

from cs231n_viz import data, models
from cs231n_viz.activations import activations_at
from cs231n_viz.layers import usual_layers
from cs231n_viz.objectives import gram_matrices, gram_matrix, style_distance, total_variation
from cs231n_viz.optimize import Diverged, adam, lbfgs
from cs231n_viz.places import notebooks_dir
from cs231n_viz.techniques import style_transfer
from cs231n_viz.techniques.style_transfer import match_colors, transfer, transfer_steps

FIVE = ["pixels", "relu1", "relu2", "relu3_2", "relu4_2"]


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def cat():
    return data.photo("chelsea", 64)


@pytest.fixture(scope="module")
def glass():
    return data.painting("glass", 64)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# --- the loss -------------------------------------------------------------------------------------


def test_both_losses_are_what_the_formulas_say(model, cat, glass):
    step = next(
        transfer_steps(
            model, cat, glass, style_weight=7.0, tv=3.0, start=data.photo("coffee", 64), waves=False
        )
    )
    start = data.photo("coffee", 64)
    features, wanted = (activations_at(model, picture, "relu4_2") for picture in (start, cat))
    content = (features - wanted).square().sum() / wanted.square().sum()
    style = 0
    for layer in FIVE:
        ours, theirs = (
            one - model.mean if layer == "pixels" else activations_at(model, one, layer)
            for one in (start, glass)
        )
        far = (gram_matrix(ours) - gram_matrix(theirs)).square().sum()
        style = style + far / gram_matrix(theirs).square().sum() / 5
    rough = (start.diff(dim=2).square().sum() + start.diff(dim=3).square().sum()) / (64 * 64)
    assert torch.allclose(step.content, content, rtol=1e-4)
    assert torch.allclose(step.style, style, rtol=1e-4)
    assert torch.allclose(step.value, content + 7 * style + 3 * rough, rtol=1e-4)


def test_both_losses_worked_by_hand_on_a_toy_net():
    """Maps of relu1 are red − ½ and ½ − red, where positive: white gives (½, 0), black (0, ½)."""
    toy = models.wrap(plain_net(), input_size=4, name="toy")
    black, white = torch.zeros(1, 3, 4, 4), torch.ones(1, 3, 4, 4)
    layers = {"content_layer": "relu1", "style_layers": ["relu1"]}
    search = {"start": black, "tv": 0.0, "waves": False, "direction": adam(0.01)}
    step = next(transfer_steps(toy, white, white, **layers, **search))
    # content: ¼ a position in either map, divided by ¼ a position; style: G* has 1/8 at (0, 0), G
    # has it at (1, 1)
    assert (step.content.item(), step.style.item(), step.value.item()) == pytest.approx((2, 2, 22))


def test_the_content_is_its_own_best_picture_as_long_as_no_style_is_wanted(model, cat, glass):
    step = next(transfer_steps(model, cat, glass, style_weight=0.0, tv=0.0))
    assert step.content.item() < 1e-5 and step.value.item() < 1e-5


def test_the_style_falls_and_the_content_stays_nearer_than_the_style_itself(model, cat, glass):
    walk = list(transfer_steps(model, cat, glass, steps=30))
    assert [step.index for step in walk] == list(range(30))
    assert walk[-1].style < walk[0].style / 5
    strange = next(transfer_steps(model, cat, glass, start=glass, steps=1))
    assert walk[-1].content < strange.content
    assert walk[-1].image.min() >= 0 and walk[-1].image.max() <= 1


@pytest.mark.slow
def test_more_style_weight_gives_less_style_loss_and_more_content_loss(model, cat, glass):
    ends = [
        list(transfer_steps(model, cat, glass, style_weight=weight, steps=30))[-1]
        for weight in (1.0, 100.0)
    ]
    assert ends[1].style < ends[0].style and ends[1].content > ends[0].content


@pytest.mark.slow
def test_lbfgs_gets_farther_than_adam_in_as_many_steps(model, cat, glass):
    ends = [
        list(transfer_steps(model, cat, glass, steps=40, **way))[-1].value
        for way in ({}, {"direction": adam(0.05)})
    ]
    assert ends[0] < ends[1]


def test_only_the_proportions_of_the_layers_weights_count(model, cat, glass):
    one, ten = (
        next(transfer_steps(model, cat, glass, style_layers={"relu1": k, "relu2": 3 * k}))
        for k in (1.0, 10.0)
    )
    assert torch.allclose(one.value, ten.value) and torch.equal(one.image, ten.image)
    named = next(transfer_steps(model, cat, glass, style_layers=["relu1", "relu2"])).style
    alike = next(
        transfer_steps(model, cat, glass, style_layers={"relu1": 2, "relu2": 2, "relu3_2": 0})
    ).style
    assert torch.equal(named, alike)


def test_pictures_that_ask_for_gradients_get_none_and_the_answer_asks_for_none(model, cat, glass):
    ours, theirs = cat.clone().requires_grad_(), glass.clone().requires_grad_()
    for colors in style_transfer.COLORS:
        made = transfer(model, ours, theirs, start=ours, colors=colors, steps=2)
        assert not made.requires_grad and torch.equal(
            made, transfer(model, cat, glass, colors=colors, steps=2)
        )
    assert ours.grad is None and theirs.grad is None


# --- what is usual --------------------------------------------------------------------------------


def test_the_style_of_a_network_of_bottlenecks_is_read_at_its_blocks_until_one_has_64_maps():
    """block5, the fourth shape, has 40 maps and the content; block8 has 80."""
    content, style = usual_layers(models.load("efficientnet_lite0", device="cpu"))
    assert (content, style[0]) == ("block5", "pixels")
    assert style[1:] == ["stem", "block1", "block3", "block5", "block8"]


@pytest.mark.parametrize("name", ["efficientnet_lite0", "coursenet"])
def test_without_a_word_the_style_falls_to_a_fifth_and_nothing_is_grey(name, cat, glass):
    network = models.load(name, device="cpu")
    walk = list(transfer_steps(network, data.photo("chelsea", 96), glass, steps=25))
    assert walk[-1].style < walk[0].style / 5 and walk[-1].content < 2
    assert walk[-1].image.std() > cat.std()


@pytest.mark.parametrize(
    ("longer", "first"), [(128, 128), (256, 256), (257, 128), (512, 256), (513, 128)]
)
def test_a_large_picture_is_usually_begun_small(longer, first, glass):
    """Halved while more than 128 pixels stay: 256 not at all, 513 twice, to 128.25."""
    toy = models.wrap(plain_net(), input_size=4, name="toy")
    layers = {"content_layer": "relu1", "style_layers": ["pixels"], "steps": 1}
    content = noise(1, 3, 5, longer)
    assert next(transfer_steps(toy, content, glass, **layers)).image.shape[3] == first
    whole = next(transfer_steps(toy, content, glass, sizes=1, **layers))
    assert whole.image.shape == content.shape


# --- styles ---------------------------------------------------------------------------------------


def test_several_styles_are_the_weighted_mean_of_their_gram_matrices(model, glass):
    night, start = data.painting("night", 48), data.photo("coffee", 64)
    step = next(transfer_steps(model, start, [(1, glass), (3, night)], waves=False))
    one, other = gram_matrices(model, glass, FIVE), gram_matrices(model, night, FIVE)
    mixed = {layer: one[layer] / 4 + other[layer] * 3 / 4 for layer in FIVE}
    assert torch.allclose(step.style, style_distance(model, mixed)(start), rtol=1e-4)


def test_a_mixture_of_one_style_is_that_style(model, cat, glass):
    alone = transfer(model, cat, glass, steps=3)
    others = [(0.7, glass), (0.0, data.painting("night", 64))]
    assert torch.equal(alone, transfer(model, cat, others, steps=3))


def test_style_size_makes_the_longer_side_so_long(model, cat, glass):
    wide = torch.cat([glass, glass], dim=3)  # 64 x 128
    half = data.images.resize(wide, (32, 64))
    assert torch.equal(
        transfer(model, cat, wide, style_size=64, steps=2), transfer(model, cat, half, steps=2)
    )


def test_matched_colours_have_the_mean_and_covariance_of_the_reference():
    soft, other = 0.4 + 0.2 * noise(1, 3, 20, 30), 0.45 + 0.1 * noise(1, 3, 25, 10, seed=1)
    other[:, 1] = 0.5 * other[:, 0] + 0.5 * other[:, 1]
    matched = match_colors(soft, other)
    assert matched.shape == soft.shape
    ours, wanted = (torch.cov(each[0].flatten(1), correction=0) for each in (matched, other))
    assert torch.allclose(ours, wanted, atol=1e-5)
    assert torch.allclose(matched.mean(dim=(2, 3)), other.mean(dim=(2, 3)), atol=1e-4)


def test_matching_to_itself_changes_nothing(glass):
    assert torch.allclose(match_colors(glass, glass), glass, atol=1e-4)


def test_kept_colours_are_those_of_the_content_wherever_nothing_is_cut_off(model, cat, glass):
    made = transfer(model, cat, glass, colors="kept", steps=8)
    whole = ((made > 0) & (made < 1)).all(dim=1, keepdim=True)
    color, wanted = (each - each.mean(dim=1, keepdim=True) for each in (made, cat))
    assert whole.float().mean() > 0.5
    assert torch.allclose(color.where(whole, 0), wanted.where(whole, 0), atol=1e-5)
    assert not torch.allclose(made, cat, atol=0.05)


def test_a_dream_makes_its_layer_louder_than_the_style_alone(model, cat, glass):
    loud = [
        float(
            activations_at(
                model, transfer(model, cat, glass, steps=20, dream=dream), "relu5"
            ).norm()
        )
        for dream in (None, {"relu5": 2.0})
    ]
    assert loud[1] > 1.2 * loud[0]


# --- starts, sizes and shapes ---------------------------------------------------------------------


def test_noise_is_drawn_from_the_seed(model, cat, glass):
    one, again, other = (
        transfer(model, cat, glass, start="noise", seed=seed, steps=2) for seed in (0, 0, 1)
    )
    assert torch.equal(one, again) and not torch.allclose(one, other)


def test_coarse_to_fine_hands_a_picture_on_from_size_to_size(model, cat, glass):
    walk = list(transfer_steps(model, cat, glass, sizes=2, steps=4))
    assert [step.image.shape[-1] for step in walk] == [32] * 4 + [64] * 4
    assert [step.index for step in walk] == list(range(8))
    assert (
        walk[4].value < next(transfer_steps(model, cat, glass)).value
    )  # better than a start from the content


def test_odd_sides_and_oblong_pictures_are_as_good_as_others(model, glass):
    content, style = data.photo("coffee", 90)[:, :, :61], glass[..., :41]
    for settings in (
        {},
        {"sizes": 2},
        {"colors": "matched"},
        {"colors": "kept", "sizes": 2},
        {"start": "noise"},
        {"waves": False},
    ):
        made = transfer(model, content, style, steps=2, **settings)
        assert made.shape == content.shape and made.isfinite().all()


@pytest.mark.slow
def test_a_batch_is_repainted_as_its_pictures_one_by_one_with_every_kind_of_colour(model, glass):
    pixels = data.picturebook("test", 2).pixels[..., :64, :64]
    for colors in style_transfer.COLORS:
        together = transfer(model, pixels, glass, colors=colors, steps=4, dream={"relu3_1": 0.1})
        alone = [
            transfer(model, one[None], glass, colors=colors, steps=4, dream={"relu3_1": 0.1})
            for one in pixels
        ]
        # Adam makes whole steps of gradients that are rounding errors
        far = (together - torch.cat(alone)).abs()
        assert far.mean() < 5e-4 and far.max() < 0.02


def test_pixels_can_be_changed_themselves_and_stay_in_range(model, cat, glass):
    walk = list(transfer_steps(model, cat, glass, waves=False, direction=lbfgs(10), steps=10))
    assert walk[-1].value < walk[0].value
    assert walk[-1].image.min() >= 0 and walk[-1].image.max() <= 1


# --- bad input ------------------------------------------------------------------------------------


def least_side(model, layer):
    for side in range(1, 128):
        try:
            activations_at(model, model.mean.expand(1, -1, side, side), layer)
        except ValueError:
            continue
        return side


def test_a_picture_that_is_too_small_is_named_with_its_size_and_its_first_size(model, cat, glass):
    least = least_side(model, "relu4_2")
    with pytest.raises(ValueError, match="the style of 3 x 5 pixels, .* is too small for relu1, "):
        transfer_steps(model, cat, noise(1, 3, 3, 5))
    with pytest.raises(ValueError, match="the style of 3 x 3 pixels"):
        transfer_steps(model, cat, glass, style_size=3)
    side = 4 * least - 3
    with pytest.raises(ValueError, match=f"the content of {side} x 60 pixels, {least - 1} x 15 at"):
        transfer_steps(model, noise(1, 3, side, 60), glass, sizes=3)
    enough = noise(1, 3, least, least)
    transfer(model, enough, enough, steps=1)


def test_a_style_is_as_large_as_its_own_layers_need_and_those_of_the_content_do_not_matter(
    model, cat
):
    transfer(
        model, cat, noise(1, 3, 6, 6), content_layer="relu4_2", style_layers=["relu1"], steps=1
    )
    transfer(model, cat, noise(1, 3, 1, 1), style_layers=["pixels"], steps=1)
    with pytest.raises(ValueError, match="the style of 12 x 12 .* too small for relu5"):
        transfer_steps(
            model, cat, noise(1, 3, 12, 12), content_layer="relu1", style_layers=["relu5"]
        )


def test_a_picture_and_its_mirror_image_about_the_diagonal_are_made_alike_from_coarse_to_fine():
    toy = models.wrap(plain_net(), input_size=4, name="toy")  # filters that look at one pixel
    thin, style = noise(1, 3, 3, 64), noise(1, 3, 16, 16, seed=1)
    settings = {
        "content_layer": "relu1",
        "style_layers": ["relu1"],
        "sizes": 2,
        "steps": 1,
        "waves": False,
    }
    wide, tall = (
        list(transfer_steps(toy, *pair, **settings))
        for pair in ((thin, style), (thin.mT, style.mT))
    )
    for one, other in zip(wide, tall, strict=True):
        assert torch.allclose(one.image, other.image.mT) and torch.allclose(one.style, other.style)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"style_weight": -1.0}, "style_weight is a number from 0 up"),
        ({"style_weight": "10"}, "style_weight is a number, not '10'"),
        ({"content_weight": math.nan}, "content_weight is a number"),
        ({"tv": math.inf}, "tv is a number"),
        (
            {"content_weight": 0.0, "style_weight": 0.0},
            "style_weight .* is a number above 0, not 0",
        ),
        ({"content_layer": "relu9"}, "relu9"),
        ({"style_layers": ["relu1", "rely2"]}, "rely2"),
        ({"style_layers": {"relu1": 0.0}}, "sum of the weights of the style layers .* above 0"),
        ({"style_layers": {"relu1": -1.0, "relu2": 2.0}}, "one of the style layers .* from 0 up"),
        ({"style_layers": {"relu1": torch.ones(2)}}, "one of the style layers is a number"),
        ({"style_layers": {"relu1": 1e308, "relu2": 1e308}}, "sum .* the style layers .*, not inf"),
        ({"style_layers": []}, "sum of the weights of the style layers"),
        ({"style_size": 0}, "style_size is a whole number from 1 up"),
        ({"colors": "grey"}, "style, matched, kept"),
        ({"start": "black"}, "unknown start 'black'.*content, noise"),
        ({"start": torch.zeros(1, 3, 8, 8)}, "content's shape"),
        ({"steps": 0}, "steps is a whole number from 1 up"),
        ({"sizes": 0}, "sizes is a whole number from 1 up"),
        ({"steps": 2.5}, "steps is a whole number, not 2.5"),
        ({"sizes": 1.5}, "sizes is a whole number, not 1.5"),
        ({"dream": {"relu7": 1.0}}, "relu7"),
        ({"dream": ["relu7"]}, "relu7"),
        ({"dream": {"relu4_2": -11.0}}, "the weight of relu4_2 in dream is a number from 0 up"),
        ({"dream": {"pixels": 1.0}}, "pixels"),
        ({"content_layer": "pixels"}, "pixels"),
    ],
)
def test_bad_settings_are_said_at_once_in_words(model, cat, glass, settings, words):
    with pytest.raises((ValueError, TypeError), match=words):
        transfer_steps(model, cat, glass, **settings)


def test_bad_styles_are_said_at_once_in_words(model, cat, glass):
    for weights in ([0.0, 0.0], [1.0, -1.0], [math.nan, 1.0], [1e308, 1e308], ["1"]):
        with pytest.raises((ValueError, TypeError), match="of the styles is a number"):
            transfer_steps(model, cat, [(weight, glass) for weight in weights])
    with pytest.raises(ValueError, match="a style is one picture"):
        transfer_steps(model, cat, torch.cat([glass, glass]))
    with pytest.raises(ValueError, match="divide by 255"):
        transfer_steps(model, cat, glass * 255)


@pytest.mark.parametrize(
    "style",
    [lambda page: [page, page], lambda page: (0.5, page), lambda page: None, lambda page: []],
)
def test_what_is_no_style_is_told_what_one_is(model, cat, glass, style):
    with pytest.raises(TypeError, match=r"a style is a picture, .*\[\(weight, picture\), …\]"):
        transfer_steps(model, cat, style(glass))


def test_a_pair_in_the_wrong_order_and_an_unknown_setting_are_refused(model, cat, glass):
    with pytest.raises(TypeError, match="pixels are a float tensor, not a float"):
        transfer_steps(model, cat, [(glass, 0.5)])
    with pytest.raises(TypeError, match="style_wieght"):
        transfer_steps(model, cat, glass, style_wieght=1.0)


def test_a_style_is_checked_at_the_size_at_which_it_is_looked_at_first(model):
    """66 pixels a quarter of the size are 16, and a style shrinks as much: 63 become 15, not 16."""
    settings = {"content_layer": "relu1", "style_layers": ["pool4"], "sizes": 3, "steps": 1}
    with pytest.raises(ValueError, match="the style of 63 x 63 pixels, 15 x 15 at first, .* pool4"):
        transfer_steps(model, noise(1, 3, 66, 66), noise(1, 3, 63, 63), **settings)


def test_a_start_that_is_an_array_is_told_how_to_become_a_picture(model, cat, glass):
    with pytest.raises(TypeError, match="not a ndarray: use images.to_pixels"):
        transfer_steps(model, cat, glass, start=cat.numpy())


def test_a_network_of_four_channels_cannot_begin_with_noise():
    network = models.wrap(
        four_channel_net(), mean=(0.5,) * 4, std=(1.0,) * 4, input_size=8, name="four"
    )
    content = noise(1, 4, 8, 8)
    settings = {"content_layer": "conv1", "style_layers": ["conv1"], "steps": 1}
    with pytest.raises(ValueError, match="noise has at most three colours"):
        transfer_steps(network, content, content, start="noise", **settings)
    assert transfer(network, content, content, **settings).shape == content.shape


def test_colours_that_cannot_be_matched_are_refused_in_words(cat, glass):
    with pytest.raises(ValueError, match="pixels are floats"):
        match_colors((glass * 255).to(torch.uint8), cat)
    with pytest.raises(ValueError, match="2 pictures need one reference or one each, not 3"):
        match_colors(torch.cat([glass] * 2), torch.cat([cat] * 3))


def test_a_run_that_is_no_number_any_more_says_where_and_keeps_its_last_picture(model, cat, glass):
    def poisoned(gradient, parameter):
        poisoned.calls += 1
        return 0.01 * gradient * (math.nan if poisoned.calls == 6 else 1)

    poisoned.calls, seen = 0, []
    with pytest.raises(
        Diverged, match="after 5 good steps, at step 1: the picture is NaN"
    ) as caught:
        for step in transfer_steps(model, cat, glass, sizes=2, steps=4, direction=poisoned):
            seen = [*seen, step]
    assert len(seen) == 5 and caught.value.last_step is seen[-1]
    assert caught.value.last_step.image.isfinite().all() and caught.value.last_step.index == 4


# --- the assignment, a function of lesson 14 ------------------------------------------------------

# the first of the three dictionaries of StyleTransfer-PyTorch (CS231n 2020), smaller pictures
PARAMS = {
    "image_size": 32,
    "style_size": 36,
    "content_layer": 3,
    "content_weight": 5e-2,
    "style_layers": (1, 4, 6, 7),
    "style_weights": (20000, 500, 12, 1),
    "tv_weight": 5e-2,
}


@pytest.fixture(scope="module")
def assignment():
    lesson = nbformat.read(notebooks_dir() / "14_style_transfer.ipynb", as_version=4)
    names = {}
    for cell in lesson.cells:
        if cell.id in ("imports", "assignment-pictures", "assignment-loop"):
            exec(cell.source, names)  # noqa: S102 (what the lesson itself runs)
    return names["assignment"]


@pytest.fixture(scope="module")
def squeezenet():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torchvision.models.get_model("squeezenet1_0", weights=None).eval()
    # Adam of rate 3 makes steps of rounding errors; in double it makes none that matter
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return models.wrap(network.double(), mean=mean, std=std, name="squeezenet1_0")


def as_the_assignment_does(model, content, style, steps, decay_at):
    """An own re-creation of its loop: torch's Adam, changed for a fresh one in the middle."""
    features, mean, std = model.network.features, model.mean, model.std

    def activations(image):
        outputs = []
        for part in features:
            image = part(image.clone())  # its ReLUs work in place
            outputs.append(image)
        return outputs

    def gram(maps):
        flat = maps.flatten(2)
        return flat @ flat.transpose(1, 2) / maps[0].numel()

    content, style = (content - mean) / std, (style - mean) / std
    with torch.no_grad():
        target, styles = activations(content)[3], activations(style)
        grams = [gram(styles[layer]) for layer in (1, 4, 6, 7)]
    image = content.clone().requires_grad_()
    optimizer = torch.optim.Adam([image], lr=3.0)
    for step in range(steps):
        if step < 190:
            image.data.clamp_(-1.5, 1.5)
        optimizer.zero_grad()
        outputs = activations(image)
        loss = 5e-2 * (outputs[3] - target).square().sum()
        for layer, wanted, weight in zip((1, 4, 6, 7), grams, (20000, 500, 12, 1), strict=True):
            loss = loss + weight * (gram(outputs[layer]) - wanted).square().sum()
        loss = loss + 5e-2 * (image.diff(dim=2).square().sum() + image.diff(dim=3).square().sum())
        loss.backward()
        if step == decay_at:
            optimizer = torch.optim.Adam([image], lr=0.1)
        optimizer.step()
    shown = image.detach() * std + mean
    return (shown - shown.min()) / (shown.max() - shown.min())


@pytest.mark.slow
@pytest.mark.parametrize("steps", [1, 20, 195])
def test_the_assignment_of_the_lesson_does_what_its_loop_did(assignment, squeezenet, steps):
    content, style = data.photo("chelsea", 32), data.painting("night", 36)
    theirs = as_the_assignment_does(squeezenet, content, style, steps, decay_at=180)
    ours = assignment(squeezenet, content_image=content, style_image=style, steps=steps, **PARAMS)
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_the_assignment_of_the_lesson_takes_files(assignment, squeezenet, tmp_path):
    files = {"content_image": tmp_path / "content.png", "style_image": str(tmp_path / "style.png")}
    data.images.to_picture(data.photo("coffee", 90)[:, :, :60]).save(files["content_image"])
    data.images.to_picture(data.painting("ink", 64)).save(files["style_image"])
    made = assignment(squeezenet, steps=2, **files, **PARAMS)
    assert made.shape == (1, 3, 32, 48) and made.min() == 0 and made.max() == 1


def test_the_assignment_of_the_lesson_scales_a_picture_as_pillow_does(assignment, tmp_path):
    """Its total variation differs by a thousandth where nothing is rounded between two passes."""
    picture = data.images.to_picture(data.photo("coffee", None))
    picture.save(tmp_path / "content.png")
    theirs = transforms.ToTensor()(transforms.Resize(192)(picture))[None]
    loaded = assignment.__globals__["loaded"]
    assert torch.equal(loaded(tmp_path / "content.png", 192), theirs)
    sides = tuple(theirs.shape[2:])
    unrounded = data.images.resize(data.photo("coffee", None), sides)
    assert total_variation()(unrounded) < 0.9995 * total_variation()(theirs)


def test_the_usual_sizes_are_only_so_many_as_the_layers_can_take():
    model, style = models.load("coursenet", device="cpu"), torch.rand(1, 3, 64, 64)
    wide = torch.rand(1, 3, 24, 600)
    sizes = [tuple(step.image.shape[2:]) for step in transfer_steps(model, wide, style, steps=1)]
    assert sizes[-1] == (24, 600) and len({*sizes}) < 3
    with pytest.raises(ValueError, match="is too small for"):
        transfer(model, wide, style, steps=1, sizes=4)
