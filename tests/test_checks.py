"""Checks say "not yet", name the mistake, and accept what is right."""

import inspect
import re
import sys

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment

from cs231n_viz import checks
from cs231n_viz.activations import ReceptiveField
from cs231n_viz.checks import trials
from cs231n_viz.incremental import changed
from cs231n_viz.techniques import deepdream, filters, last_layer, saliency, start_here


def merged(values, picture, answers, first, k, strongest_first=True):
    number = torch.arange(first, first + len(answers)).expand(len(values), -1)
    order = torch.cat([values, answers.T], dim=1).topk(k).indices
    chosen = torch.cat([picture, number], dim=1).gather(1, order)
    return chosen if strongest_first else chosen.flip(1)


def box(row, column, size, stride, offset, side):
    return torch.tensor(ReceptiveField(size, stride, offset).box(row, column, side, side))


def searched(maps_of, pixels, channel, k, field, fill, once=True):
    maps = torch.stack([maps_of(one[None])[0, channel] for one in pixels])
    strongest = maps.flatten(1).amax(dim=1) if once else maps.flatten()
    windows, (height, width) = [], maps.shape[1:]
    for at in strongest.topk(k).indices.tolist():
        at = at * height * width + int(maps[at].argmax()) if once else at
        number, place = divmod(at, height * width)
        padded = fill[:, None, None].repeat(1, 20, 20)
        padded[:, 7:13, 7:13] = pixels[number]
        top, left = (7 + field.offset + n * field.stride for n in divmod(place, width))
        windows.append(padded[:, top : top + field.size, left : left + field.size])
    return torch.stack(windows)


def colored_by(pixels, heat, top=None, least=0):
    share = (heat / (top or heat.max())).clamp(min=least)
    return share * pixels + (1 - share) * 0.3 * pixels.mean(dim=1, keepdim=True)


def strongest_lit(features, pixels, others, row, column, within=None, best=torch.argmax):
    maps = (within or start_here.relative)(features(torch.cat([pixels, others])))
    heat = maps[0, best(maps[0, :, row, column])]
    share = (heat / heat.max()).clamp(min=0)[None, None]
    return colored_by(pixels, F.interpolate(share, pixels.shape[2:], mode="bilinear")[0], top=1)


def fallen(before, after, classes):
    mine, left = before.exp(), after.exp()
    shares = left / left.sum(dim=-1, keepdim=True)
    return sum(mine[k] / mine.sum() - shares[:, :, k] for k in classes.tolist())


def weighed(maps, gradients):
    return gradients.mean(dim=(2, 3), keepdim=True) * maps


def larger(maps):
    return F.interpolate(maps[:, None], 8, mode="bilinear")[:, 0]


def boxed(heat, mask, share, absolute=False, least_side=0):
    hot = heat >= (share if absolute else share * heat.max())
    rows, columns = hot.any(dim=1).nonzero(), hot.any(dim=0).nonzero()
    top, left, bottom, right = rows[0], columns[0], rows[-1] + 1, columns[-1] + 1
    high, wide = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
    down = torch.min(bottom, high[-1] + 1) - torch.max(top, high[0])
    across = torch.min(right, wide[-1] + 1) - torch.max(left, wide[0])
    common = down.clamp(min=least_side) * across.clamp(min=least_side)
    both = (bottom - top) * (right - left) + len(high) * len(wide)
    return torch.cat([top, left, bottom, right, common / (both - common)])


def hooked_cam(network, module, pixels, k, tidy=True, cut=torch.relu, enlarge=larger):
    kept = []
    handle = module.register_forward_hook(lambda *seen: kept.append(seen[2].requires_grad_()))
    scores = network(pixels)
    gradients = torch.autograd.grad(scores[:, k].sum(), kept[0])[0]
    if tidy:
        handle.remove()
    alpha = gradients.mean(dim=(2, 3), keepdim=True)
    return enlarge(cut((alpha * kept[0].detach()).sum(dim=1)))


ONES = torch.ones(1)


def probable(scores):
    return scores.softmax(dim=1)


def filled(picture, top, left, patch, color):
    copy = picture.clone()
    copy[:, top : top + patch, left : left + patch] = color[:, None, None]
    return copy


def kept(score, picture, patch, stride, color, last=1, hide=False):
    tops, lefts = (range(0, side - patch + last, stride) for side in picture.shape[1:])
    ones = [
        filled(torch.zeros(1, *picture.shape[1:]), t, l, patch, ONES) for t in tops for l in lefts
    ]
    inside = (torch.stack(ones) > 0) ^ hide
    return score(torch.where(inside, picture, color[:, None, None])).view(len(tops), len(lefts))


def patch_drops(network, picture, target, patch, stride, color, most, read=probable, edge=True):
    begins = [list(range(0, side - patch + 1, stride)) for side in picture.shape[1:]]
    ends = [side - patch for side in picture.shape[1:]]
    tops, lefts = (b + [e] * (edge and b[-1] < e) for b, e in zip(begins, ends, strict=True))
    hidden = torch.stack([filled(picture, t, l, patch, color) for t in tops for l in lefts])
    after = torch.cat([read(network(some))[:, target] for some in hidden.split(most)])
    return (read(network(picture[None]))[:, target] - after).view(len(tops), len(lefts))


def reached(start, length, kernel, stride, padding, outputs):
    first, last = changed(start, length, kernel, stride, padding)
    return torch.tensor([max(first, 0), min(last, outputs - 1)])


def others(f):
    return torch.cdist(f, f) + torch.diag(torch.full((len(f),), torch.inf))


def pasted(tiles, columns):
    return torch.cat([torch.cat([*row], dim=2) for row in tiles.split(columns)], dim=1)


def mapped(positions, tiles, rows, columns, scaled=True, backwards=False):
    if scaled:
        positions = positions - positions.amin(dim=0)
        positions = positions / positions.amax(dim=0)
    cells = [(x, y) for y in torch.linspace(1, 0, rows) for x in torch.linspace(0, 1, columns)]
    cost = torch.cdist(positions, torch.tensor(cells)) ** 2
    tile, cell = linear_sum_assignment(cost)
    order = torch.tensor(cell if backwards else tile[cell.argsort()])
    return pasted(tiles[order], columns)


def unit_maps(activations, pixels, channels, row, column):
    image = pixels.clone().requires_grad_()
    units = activations(image)[0, [*channels], row, column]
    return torch.cat([torch.autograd.grad(u, image, retain_graph=True)[0] for u in units])


def order(values):
    return values.flatten().argsort()


def ranks(values):
    return order(values).argsort()


def matrix(of_two, maps):
    return torch.tensor([[float(of_two(a, b)) for b in maps] for a in maps])


def cosine(a, b):
    return torch.cosine_similarity(a.float(), b.float(), dim=0)


def hooked(network, pixels, target, closed=False, tidy=True):
    """The guided gradient by hooks on modules, which here see no layer in place."""
    relus = [each for each in network.modules() if isinstance(each, torch.nn.ReLU | torch.nn.ReLU6)]

    def hook(_, through, back):
        return (back[0].relu() if closed else through[0].relu(),)

    hooks = [each.register_full_backward_hook(hook) for each in relus]
    found = gradient_of(lambda image: network(image)[:, target], pixels)
    for each in hooks if tidy else ():
        each.remove()
    return found


def own_cut(picture, heat):
    """GrabCut with other seeds, other rounds, and colours in another order than the package's."""
    marks = np.full(heat.shape, cv2.GC_PR_BGD, np.uint8)
    marks[(heat < heat.quantile(0.4)).numpy()] = cv2.GC_BGD
    marks[(heat > heat.quantile(0.95)).numpy()] = cv2.GC_FGD
    pixels = np.ascontiguousarray((255 * picture[0]).byte().permute(1, 2, 0).numpy())
    cv2.grabCut(pixels, marks, None, *np.zeros((2, 1, 65)), 4, cv2.GC_INIT_WITH_MASK)
    return torch.from_numpy(marks % 2 == 1)


def pearson(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]).float())[0, 1]


def gradient_of(score, pixels):
    pixels = pixels.clone().requires_grad_()
    return torch.autograd.grad(score(pixels).sum(), pixels)[0]


def evidence(maps, weights):
    return torch.einsum("c,chw->hw", weights, maps)


def copies_of(map_of, picture, noises):
    return map_of(picture + noises)


def along(gradient, x, start, steps, shift=0.5):
    alphas = [(k + shift) / steps for k in range(steps)]
    return torch.stack([gradient(start + alpha * (x - start)) for alpha in alphas])


def at_the_largest(maps, masks):
    return masks.flatten(1).gather(1, maps.flatten(1).argmax(dim=1, keepdim=True))[:, 0]


def hits_of(maps, masks):
    return at_the_largest(maps, masks) & (maps.amax(dim=(1, 2)) > maps.amin(dim=(1, 2)))


def deleted(score, picture, heat, cover, steps, descending=True):
    rank = heat.flatten().argsort(descending=descending).argsort().view_as(heat) / heat.numel()
    gone = [rank < step / steps for step in range(steps + 1)]
    return score(torch.stack([torch.where(pixels, cover, picture) for pixels in gone]))


def paired(a, b, spread=lambda a, b: (a - b).std()):
    return torch.stack([(a - b).mean(), 1.96 * spread(a, b) / len(a) ** 0.5])


def dream_step(gradient, image, shift, rate, back=None):
    rolled_back = tuple(-size for size in shift) if back is None else back
    g = gradient(image.roll(shift, (2, 3))).roll(rolled_back, (2, 3))
    return image + rate * g / g.abs().mean()


def window_sums(x, w, stride):
    size = w.shape[1]
    windows = x.unfold(1, size, stride).unfold(2, size, stride)  # (3, rows, columns, k, k)
    return torch.einsum("crsij,cij->rs", windows, w)


def descended(x, wanted, steps, rate, decay, of=lambda scores: scores.softmax(dim=1)):
    weights = torch.zeros(wanted.shape[1], x.shape[1])
    for _ in range(steps):
        gradient = torch.einsum("nk,nd->kd", of(x @ weights.T) - wanted, x) / len(x)
        weights = weights - rate * (gradient + decay * weights)
    return weights


def lengths(change):
    return change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def shrunk(change, radius):
    return (radius / lengths(change).clamp(min=1e-12)).clamp(max=1)


def into(image, center, radius):
    return image.clamp(center - radius, center + radius)


def penalised(x, gradient, mean, rate, weight, factor=2):
    return x + rate * (gradient - factor * weight * (x - mean))


def clipped(x, mean, share, center=None, length=lambda change: change.norm(dim=1)):
    size = length(x - (mean if center is None else center))
    return torch.where(size <= size.quantile(share, interpolation="lower"), mean, x)


def rolled(x, down, right):
    return x.roll((down, right), (-2, -1))


def gram(maps):
    return torch.einsum("nkhw,nlhw->nkl", maps, maps) / maps[0].numel()


def layerwise(maps, wanted):
    pairs = zip([gram(one) for one in maps], wanted, strict=True)
    return torch.stack([(g - w).square().sum((1, 2)) / w.square().sum() for g, w in pairs])


def grey_of(picture):
    return picture.mean(dim=1, keepdim=True)


def deviation(picture):
    return (picture - picture.mean()).square().mean().sqrt()


def standing(picture):
    return (picture - picture.mean()) / deviation(picture)


def known_differences(windows, around, known):
    return (windows - around).square()[..., known]


def rms_to_all(patches, known):
    return (patches[:, None] - known).square().mean(dim=2).sqrt()


def normalized(maps, dims=(2, 3), epsilon=0.0):
    variance = maps.var(dims, correction=0, keepdim=True)
    return (maps - maps.mean(dims, keepdim=True)) / (variance + epsilon).sqrt()


def octaves(*given):
    return torch.tensor(deepdream.octave_sizes(*given))


def squares(values):
    return values.flatten(1).square().sum(dim=1)


def neighbours(pictures):
    return pictures.diff(dim=2), pictures.diff(dim=3)


def squared_error(images, references):
    return (images - references).square().mean(dim=(1, 2, 3))


def side(features, own, rest):
    gap = own - rest
    return (features - (own + rest) / 2) @ gap / (gap @ gap)


def moved(features, centers, center_of=torch.Tensor.mean):
    nearest, new = torch.cdist(features, centers).argmin(dim=1), centers.clone()
    for j in nearest.unique():
        new[j] = center_of(features[nearest == j], dim=0)
    return new


def stepped(code, gradient, rate):
    return code + rate * gradient / gradient.abs().mean()


def coded(code, gradient, rate, decay, bounds):
    return ((1 - decay) * stepped(code, gradient, rate)).clamp(min=0).minimum(bounds)


RIGHT = {
    checks.normalized_maps: lambda maps: normalized(maps, epsilon=1e-5),
    checks.mixed_rows: lambda weights, rows: weights @ rows / weights.sum(),
    checks.doubled_maps: lambda maps: maps.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3),
    checks.style_loss: lambda maps, wanted: layerwise(maps, wanted).mean(dim=0),
    checks.kept_colors: lambda p, c: (grey_of(p) + c - grey_of(c)).clamp(0, 1),
    checks.matched_light: lambda s, c: standing(s) * deviation(c) + c.mean(),
    checks.gram_of_maps: gram,
    checks.masked_distances: lambda *given: known_differences(*given).mean(dim=(1, 2)),
    checks.nearest_patches: lambda patches, known: rms_to_all(patches, known).amin(dim=1),
    checks.fast_gradient_sign: lambda f, x, r: (x + r * gradient_of(f, x).sign()).clamp(0, 1),
    checks.nearest_in_length: lambda x, c, radius: c + (x - c) * shrunk(x - c, radius),
    checks.projected_step: lambda x, g, c, r, rate: into(x + rate * g.sign(), c, r).clamp(0, 1),
    checks.gradient_map: lambda score, x: gradient_of(score, x).abs().amax(dim=1),
    checks.smoothed_map: lambda *given: copies_of(*given).mean(dim=0),
    checks.integrated_gradients: lambda f, x, s, k: (x - s) * along(f, x, s, k).mean(dim=0),
    checks.cut_out: own_cut,
    checks.relative_maps: start_here.relative,
    checks.lit_picture: colored_by,
    checks.strongest_channel_lit: strongest_lit,
    checks.group_drops: fallen,
    checks.filter_pictures: lambda f: f / f.abs().max() / 2 + 0.5,
    checks.filter_responses: filters.responses,
    checks.filter_map: lambda x, w, stride: window_sums(x, w, stride),
    checks.linear_templates: lambda x, labels, k, steps, rate, decay: descended(
        x, F.one_hot(labels, k).float(), steps, rate, decay
    ),
    checks.cosine_neighbors: lambda f, q, k: last_layer.nearest(f, q[None], k, "cosine").indices[0],
    checks.nearest_label: lambda f, labels: labels[others(f).argmin(dim=1)],
    checks.principal_positions: lambda f: -last_layer.principal_components(f).positions,
    checks.map_of_pictures: mapped,
    checks.merged_top: merged,
    checks.dead_channels: lambda maps: maps.amax(dim=(0, 2, 3)) <= 0,
    checks.patch_box: box,
    checks.patch_search: searched,
    checks.guided_rule: lambda x, g: g.clamp(min=0) * (x > 0),
    checks.guided_map: hooked,
    checks.unit_maps: unit_maps,
    checks.rank_correlation: lambda maps: matrix(pearson, [ranks(each) for each in maps]),
    checks.winning_classes: lambda maps, w, b: (maps.movedim(0, 2) @ w.T + b).max(dim=2).indices,
    checks.box_and_overlap: boxed,
    checks.hirescam_map: lambda a, g: torch.einsum("nchw,nchw->nhw", a, g).relu(),
    checks.whole_grad_cam: hooked_cam,
    checks.covered_square: filled,
    checks.kept_scores: kept,
    checks.changed_outputs: reached,
    checks.occlusion_drops: patch_drops,
    checks.dream_gradient: lambda f, x: gradient_of(lambda v: f(v).square() / 2, x),
    checks.octave_list: octaves,
    checks.jittered_step: dream_step,
    checks.l2_step: penalised,
    checks.small_pixels_clipped: clipped,
    checks.jittered_slope: lambda f, x, d, r: rolled(f(rolled(x, d, r)), -d, -r),
    checks.pointing_hits: hits_of,
    checks.deletion_curve: deleted,
    checks.paired_difference: paired,
    checks.feature_loss: lambda f, w: squares(f - w) / squares(w),
    checks.total_variation: lambda x: sum(squares(d) for d in neighbours(x)),
    checks.decibels: lambda x, y: -10 * squared_error(x, y).log10(),
    checks.facet_side: side,
    checks.kmeans_step: moved,
    checks.code_step: coded,
}
EACH = pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)


def test_every_check_is_tried_here():
    offered = {value for value in vars(checks).values() if inspect.isfunction(value)}
    assert offered == set(RIGHT)


@EACH
def test_an_unsolved_exercise_is_not_yet_done_and_raises_nothing(check, capsys):
    check(lambda *arguments: None)
    assert capsys.readouterr().out == (
        "not yet: <lambda> returns None. Replace its last line by your code.\n"
    )


@EACH
def test_a_right_answer_is_right(check, capsys):
    check(RIGHT[check])
    assert re.fullmatch(r"right: \S+ passes all \d+ trials.\n", capsys.readouterr().out)


@EACH
def test_every_mistake_of_every_trial_is_named(check, capsys, monkeypatch):
    tried = []
    with monkeypatch.context() as patch:
        patch.setattr(
            sys.modules[check.__module__], "run", lambda _, *trials, seen=None: tried.extend(trials)
        )
        check(RIGHT[check])
    for number, trial in enumerate(tried):
        for sentence, wrong in trial.mistakes.items():
            answers = iter([*(one.expected for one in tried[:number]), wrong])
            check(lambda *given, answers=answers: torch.as_tensor(next(answers)))
            assert capsys.readouterr().out == f"not yet ({trial.name}): {sentence}\n"


def cosines(f, q):
    return f @ q / (f.norm(dim=1) * q.norm())


def uncentered(f):
    left, values, _ = torch.linalg.svd(f, full_matrices=False)
    return (left * values)[:, :2]


def without_lengths(f):
    return torch.linalg.svd(f - f.mean(dim=0), full_matrices=False)[0][:, :2]


def joined(values, picture, answers, first, k):
    return torch.cat([values, answers.T], dim=1).topk(k)


def unclipped(row, column, size, stride, offset, side):
    top, left = offset + row * stride, offset + column * stride
    return torch.tensor([top, left, top + size, left + size])


def last_seen(row, column, size, stride, offset, side):
    top, left, bottom, right = unclipped(row, column, size, stride, offset, side).tolist()
    return torch.tensor([max(top, 0), max(left, 0), min(bottom - 1, side), min(right - 1, side)])


def cut_first(row, column, size, stride, offset, side):
    top, left = max(offset + row * stride, 0), max(offset + column * stride, 0)
    return torch.tensor([top, left, min(top + size, side), min(left + size, side)])


def rounded_down(start, length, kernel, stride, padding, outputs):
    first = (start + padding - kernel + 1) // stride
    last = (start + length - 1 + padding) // stride
    return torch.tensor([max(first, 0), min(last, outputs - 1)])


def clipped_values(x, mean, share):
    size = (x - mean).abs()
    return torch.where(size <= size.quantile(share, interpolation="lower"), mean, x)


def without_guard(features, centers):
    nearest = torch.cdist(features, centers).argmin(dim=1)
    return torch.stack([features[nearest == j].mean(dim=0) for j in range(len(centers))])


ONE = torch.ones(1, 1, 1, 1)  # a kernel that leaves zeros between the values
MISTAKES = {
    checks.relative_maps: {
        "standard deviation, too": lambda maps: maps - maps.mean((0, 2, 3), True),
        "each has its own": lambda maps: (maps - maps.mean()) / maps.std(),
        "dim=0, too": lambda maps: torch.cat([start_here.relative(m) for m in maps.split(1)]),
    },
    checks.lit_picture: {
        "clamp at 0": lambda x, heat: colored_by(x, heat, least=-9),
        "by its maximum": lambda x, heat: colored_by(x, heat * heat.max(), heat.max()),
        "mean of the three": lambda x, heat: x * (0.3 + 0.7 * (heat / heat.max()).clamp(min=0)),
    },
    checks.strongest_channel_lit: {
        "relative first": lambda *call: strongest_lit(*call, within=lambda maps: maps),
        "exchanged": lambda f, x, others, row, column: strongest_lit(f, x, others, column, row),
        "weakest": lambda *call: strongest_lit(*call, best=torch.argmin),
    },
    checks.group_drops: {
        "what is left": lambda before, after, k: after.softmax(-1)[..., k].sum(-1),
        "positive": lambda *call: -fallen(*call),
        "their mean": lambda before, after, k: fallen(before, after, k) / len(k),
        "softmax first": lambda before, after, k: before[k].sum() - after[..., k].sum(-1),
    },
    checks.filter_pictures: {
        "one scale": filters.as_pictures,
        "stretched": lambda f: (f - f.min()) / (f.max() - f.min()),
        "halve": lambda f: f / f.abs().max(),
        r"at \[": lambda f: f,
    },
    checks.filter_responses: {
        "not scaled": lambda w, p: p.flatten(1) @ w.flatten(),
        "norm 1": lambda w, p: filters.responses(w, p) / w.norm(),
        "too few": lambda w, p: filters.responses(w, p)[:, None],
    },
    checks.filter_map: {
        "flipped the filter": lambda x, w, stride: window_sums(x, w.flip(1, 2), stride),
        "moves by the stride": lambda x, w, stride: window_sums(x, w, 1),
        "three colours": lambda x, w, stride: window_sums(x[:1], w[:1], stride),
        "pixel under it": lambda x, w, stride: window_sums(x, torch.ones_like(w), stride),
    },
    checks.linear_templates: {
        "average over": lambda x, y, k, n, rate, decay: descended(
            x, F.one_hot(y, k).float(), n, rate * len(x), decay / len(x)
        ),
        "uphill": lambda x, y, k, n, rate, decay: descended(
            x, F.one_hot(y, k).float(), n, -rate, decay
        ),
        "by softmax": lambda x, y, k, n, rate, decay: descended(
            x, F.one_hot(y, k).float(), n, rate, decay, of=lambda scores: scores
        ),
        "decay is missing": lambda x, y, k, n, rate, decay: descended(
            x, F.one_hot(y, k).float(), n, rate, 0
        ),
    },
    checks.cosine_neighbors: {
        "long vector wins": lambda f, q, k: (f @ q).topk(k).indices,
        "by L2": lambda f, q, k: (f - q).norm(dim=1).argsort()[:k],
        "the farthest": lambda f, q, k: cosines(f, q).argsort()[:k],
        "wrong order": lambda f, q, k: cosines(f, q).topk(k).indices.flip(0),
        "indices of those vectors": lambda f, q, k: cosines(f, q).topk(k).values,
    },
    checks.nearest_label: {
        "leave it out": lambda f, y: y[torch.cdist(f, f).argmin(dim=1)],
        "numbers of pictures": lambda f, y: others(f).argmin(dim=1),
        "farthest": lambda f, y: y[torch.cdist(f, f).argmax(dim=1)],
        "whether they are right": lambda f, y: (y[others(f).argmin(dim=1)] == y).float(),
        "shape": lambda f, y: (y[others(f).argmin(dim=1)] == y).float().mean(),
    },
    checks.principal_positions: {
        "mean is still in": uncentered,
        "multiply by S": without_lengths,
        "first two features": lambda f: f[:, :2],
        "shape": lambda f: last_layer.principal_components(f).axes,
    },
    checks.map_of_pictures: {
        "upside down": lambda p, *rest: mapped(p * torch.tensor([1, -1]), *rest),
        "swapped": lambda p, *rest: mapped(p * torch.tensor([-1, 1]), *rest),
        "scale both": lambda p, *rest: mapped(p, *rest, scaled=False),
        "old order": lambda p, tiles, rows, columns: pasted(tiles, columns),
        "backwards": lambda *given: mapped(*given, backwards=True),
        "shape": lambda *given: mapped(*given)[0],
    },
    checks.merged_top: {
        "not from 0": lambda v, p, a, first, k: merged(v, p, a, 0, k),
        "joined list": lambda *given: joined(*given).indices,
        "these are activations": lambda *given: joined(*given).values,
        "strongest comes first": lambda *given: merged(*given, strongest_first=False),
    },
    checks.dead_channels: {
        "not on each": lambda m: m.amax(dim=(2, 3)) <= 0,
        "on some picture": lambda m: (m.amax(dim=(2, 3)) <= 0).any(dim=0),
        "below zero": lambda m: (m == 0).flatten(2).all(dim=2).all(dim=0),
        "living ones": lambda m: m.amax(dim=(0, 2, 3)) > 0,
    },
    checks.patch_box: {
        "offset is missing": lambda r, c, size, s, o, side: box(r, c, size, s, 0, side),
        "stride is missing": lambda r, c, size, s, o, side: box(r, c, size, 1, o, side),
        "out of the picture": unclipped,
        "not.* seen": last_seen,
        "after": cut_first,
        "swapped": lambda r, c, *rest: box(c, r, *rest),
        "returned a tuple": lambda *given: tuple(box(*given).tolist()),
    },
    checks.patch_search: {
        "one patch only": lambda *given: searched(*given, once=False),
        "strongest comes first": lambda *given: searched(*given).flip(0),
        "colour `fill`": lambda *given: searched(*given[:-1], torch.zeros(3)),
        "at the offset": lambda m, x, c, k, field, fill: searched(
            m, x, c, k, field._replace(offset=0), fill
        ),
        "swapped": lambda m, x, *rest: searched(lambda some: m(some).mT, x, *rest),
        "shape": lambda *given: searched(*given)[0],
    },
    checks.guided_rule: {
        "the plain rule": lambda x, g: g * (x > 0),
        "deconvnet's rule": lambda x, g: g.clamp(min=0),
        "values of x": lambda x, g: x.clamp(min=0) * (g > 0),
        "not by x itself": lambda x, g: x.relu() * g.relu(),
        "send the gradient itself": lambda x, g: ((x > 0) & (g > 0)).float(),
        "kept the negative": lambda x, g: g.clamp(max=0) * (x > 0),
    },
    checks.guided_map: {
        "plain gradient": lambda net, x, c: gradient_of(lambda v: net(v)[:, c], x),
        "deconvnet's": lambda net, x, c: hooked(net, x, c, closed=True),
        "not those at the pixels": lambda n, x, c: gradient_of(lambda v: n(v)[:, c], x).relu(),
        "remove them": lambda net, x, c: hooked(net, x, c, tidy=False),
    },
    checks.unit_maps: {
        "sum over its map": lambda f, x, ks, row, column: torch.cat(
            [gradient_of(lambda v, k=k: f(v)[:, k].sum(dim=(1, 2)), x) for k in ks]
        ),
        "changed places": lambda f, x, ks, row, column: unit_maps(f, x, ks, column, row),
        "added the channels": lambda *given: unit_maps(*given).sum(dim=0, keepdim=True),
        "first channels": lambda f, x, ks, *at: unit_maps(f, x, range(len(ks)), *at),
        "not gradients · pixels": lambda f, x, *given: unit_maps(f, x, *given) * x,
    },
    checks.rank_correlation: {
        "one large value": lambda maps: matrix(pearson, maps),
        "tells the ranks": lambda maps: matrix(pearson, [order(each) for each in maps]),
        "mean off": lambda maps: matrix(cosine, [ranks(each) for each in maps]),
        "equal ranks give 1": lambda maps: matrix(torch.dot, [ranks(m) - 2.5 for m in maps]),
    },
    checks.fast_gradient_sign: {
        "clamp": lambda f, x, r: x + r * gradient_of(f, x).sign(),
        "must rise": lambda f, x, r: (x - r * gradient_of(f, x).sign()).clamp(0, 1),
        "take its sign": lambda f, x, r: (x + r * gradient_of(f, x)).clamp(0, 1),
        "radius is missing": lambda f, x, r: (x + gradient_of(f, x).sign()).clamp(0, 1),
        "this is the change": lambda f, x, r: r * gradient_of(f, x).sign(),
    },
    checks.nearest_in_length: {
        "stays where it is": lambda x, c, r: c + (x - c) * r / lengths(x - c),
        "clamped each value": lambda x, c, r: into(x, c, r),
        "this is the change": lambda x, c, r: (x - c) * shrunk(x - c, r),
        "also lengthened": lambda x, c, r: (x - c) * r / lengths(x - c),
        "own length": lambda x, c, r: c + (x - c) * r / (x - c).norm(),
    },
    checks.projected_step: {
        "left the ball": lambda x, g, c, r, rate: (x + rate * g.sign()).clamp(0, 1),
        r"left \[0, 1": lambda x, g, c, r, rate: into(x + rate * g.sign(), c, r),
        "downhill": lambda x, g, c, r, rate: into(x - rate * g.sign(), c, r).clamp(0, 1),
        "take its sign": lambda x, g, c, r, rate: into(x + rate * g, c, r).clamp(0, 1),
        "bring it into": lambda x, g, c, r, rate: x + rate * g.sign(),
        "from the image": lambda x, g, c, r, rate: into(c + rate * g.sign(), c, r).clamp(0, 1),
    },
    checks.l2_step: {
        "penalty is missing": lambda x, g, m, r, w: x + r * g,
        "not towards 0": lambda x, g, m, r, w: penalised(x, g, 0, r, w),
        "a factor 2": lambda x, g, m, r, w: penalised(x, g, m, r, w, 1),
        "wrong sign": lambda x, g, m, r, w: penalised(x, g, m, r, w, -2),
        "downhill": lambda x, g, m, r, w: penalised(x, g, m, -r, w),
        "rate belongs": lambda x, g, m, r, w: x + r * g - 2 * w * (x - m),
    },
    checks.small_pixels_clipped: {
        "black is a colour": lambda x, m, s: clipped(x, 0 * m, s, m),
        "measure from mean": lambda x, m, s: clipped(x, m, s, 0 * m),
        "the largest": lambda x, m, s: clipped(x, m, s, length=lambda d: -d.norm(dim=1)),
        "colours cancel": lambda x, m, s: clipped(x, m, s, length=lambda d: d.sum(dim=1)),
        "stay or go together": clipped_values,
    },
    checks.jittered_slope: {
        "roll it back": lambda f, x, d, r: f(rolled(x, d, r)),
        "not rolled": lambda f, x, d, r: f(x),
        "rolled further on": lambda f, x, d, r: rolled(f(rolled(x, d, r)), d, r),
        "swapped": lambda f, x, d, r: rolled(f(rolled(x, r, d)), -r, -d),
    },
    checks.gradient_map: {
        "absolute value before": lambda f, x: gradient_of(f, x).amax(dim=1).abs(),
        "added the colours": lambda f, x: gradient_of(f, x).abs().sum(dim=1),
        "mean of the colours": lambda f, x: gradient_of(f, x).abs().mean(dim=1),
        "one number a pixel": gradient_of,
        "largest of the three": lambda f, x: gradient_of(f, x).abs(),
    },
    checks.smoothed_map: {
        "take a map of each": lambda f, x, n: f(x + n.mean(dim=0, keepdim=True))[0],
        "take their mean": lambda *given: copies_of(*given).sum(dim=0),
        "picture is missing": lambda f, x, n: f(n).mean(dim=0),
        "noise is missing": lambda f, x, n: f(x)[0],
        "too few|into one": copies_of,
    },
    checks.integrated_gradients: {
        "path is missing": lambda *given: along(*given).mean(dim=0),
        "at the end": lambda f, x, start, k: f(x) * (x - start),
        "beginnings": lambda f, x, s, k: (x - s) * along(f, x, s, k, 0.0).mean(dim=0),
        "at the ends of": lambda f, x, s, k: (x - s) * along(f, x, s, k, 1.0).mean(dim=0),
        "added the gradients": lambda f, x, s, k: (x - s) * along(f, x, s, k).sum(dim=0),
        "not by x": lambda f, x, s, k: x * along(f, x, s, k).mean(dim=0),
        "baseline to x": lambda f, x, s, k: (s - x) * along(f, x, s, k).mean(dim=0),
        "own attribution": lambda f, x, s, k: ((x - s) * along(f, x, s, k).mean(dim=0)).sum(),
    },
    checks.cut_out: {
        "these are marks": lambda picture, heat: torch.from_numpy(saliency.seeds(heat)),
        "seeds alone": lambda picture, heat: heat >= heat.quantile(0.97),
        "thresholded map": lambda picture, heat: (
            heat >= (heat.quantile(0.2) + heat.quantile(0.97)) / 2
        ),
        "true on the object": lambda picture, heat: ~saliency.segment(picture, heat),
        "returned a ndarray": lambda picture, heat: saliency.segment(picture, heat).numpy(),
    },
    checks.winning_classes: {
        "biases are missing": lambda maps, w, b: (maps.movedim(0, 2) @ w.T).argmax(dim=2),
        "which class is it": lambda maps, w, b: (maps.movedim(0, 2) @ w.T + b).amax(dim=2),
        "you averaged first": lambda maps, w, b: (w @ maps.mean(dim=(1, 2)) + b).argmax(),
    },
    checks.box_and_overlap: {
        "rows first": lambda *given: boxed(*given)[[1, 0, 3, 2, 4]],
        "heat's maximum": lambda *given: boxed(*given, absolute=True),
        "one more than": lambda *given: boxed(*given) - torch.tensor([0.0, 0, 1, 1, 0]),
        "not below": lambda *given: boxed(*given, least_side=-9),
    },
    checks.whole_grad_cam: {
        "hook is left": lambda *given: hooked_cam(*given, tidy=False),
        "as small as the layer's": lambda *given: hooked_cam(*given, enlarge=lambda maps: maps),
        "what is below becomes zero": lambda *given: hooked_cam(*given, cut=lambda maps: maps),
        "first, then enlarge": lambda *given: hooked_cam(*given, cut=lambda maps: maps).relu(),
        "added the gradients": lambda *given: 16 * hooked_cam(*given),
    },
    checks.hirescam_map: {
        "last step is missing": lambda a, s: (a * s).sum(dim=1),
        "this is Grad-CAM": lambda a, s: weighed(a, s).sum(dim=1).relu(),
        "counts until the channels": lambda a, s: (a * s).relu().sum(dim=1),
        "what is negative counts": lambda a, s: (s.relu() * a).sum(dim=1),
        "too few": lambda a, s: (a * s).sum(dim=1, keepdim=True).relu(),
    },
    checks.dream_gradient: {
        "gradient of ΣΦ": gradient_of,
        "half of it": lambda f, x: gradient_of(lambda v: f(v).square(), x),
        "Φ itself": lambda f, x: f(x),
        "Φ²": lambda f, x: gradient_of(lambda v: f(v) ** 3 / 3, x),
    },
    checks.octave_list: {
        "smallest comes first": lambda *given: octaves(*given).flip(0),
        "height first": lambda *given: octaves(*given).flip(1),
        "own size": lambda *given: octaves(*given) // 2,
    },
    checks.jittered_step: {
        "roll it back by": lambda f, x, s, r: dream_step(f, x, s, r, back=(0, 0)),
        "rolled the gradient on": lambda f, x, s, r: dream_step(f, x, s, r, back=s),
        "climb": lambda f, x, s, r: 2 * x - dream_step(f, x, s, r),
        "add it to the image": lambda f, x, s, r: dream_step(f, x, s, r) - x,
    },
    checks.normalized_maps: {
        "batch norm": lambda a: normalized(a, (0, 2, 3)),
        "layer norm": lambda a: normalized(a, (1, 2, 3)),
        "unbiased=False": lambda a: (a - a.mean((2, 3), True)) / a.std((2, 3), keepdim=True),
        "not by the variance": lambda a: normalized(a) / a.std((2, 3), correction=0, keepdim=True),
        "by the deviation as well": lambda a: a - a.mean((2, 3), True),
        "the mean off first": lambda a: a / a.std((2, 3), correction=0, keepdim=True),
        "a flat map": lambda a: normalized(a) if len(a) > 1 else 0 * a,
    },
    checks.mixed_rows: {
        "divide by their sum": lambda w, rows: w @ rows,
        "not by how many": lambda w, rows: w @ rows / len(w),
        "softmax": lambda w, rows: w.softmax(0) @ rows,
        "one row": lambda w, rows: (w @ rows / w.sum())[None],
        "strongest style alone": lambda w, rows: rows[w.argmax()],
    },
    checks.doubled_maps: {
        "copies of the whole map": lambda a: a.repeat(1, 1, 2, 2),
        "twice as wide": lambda a: a.repeat_interleave(2, dim=2),
        "twice as high": lambda a: a.repeat_interleave(2, dim=3),
        "smooth": lambda a: F.interpolate(a, scale_factor=2, mode="bilinear"),
        "checkerboard": lambda a: F.conv_transpose2d(a, ONE, stride=2, output_padding=1),
    },
    checks.style_loss: {
        "not the sum": lambda m, w: layerwise(m, w).sum(dim=0),
        "one number a picture": lambda m, w: layerwise(m, w).mean(),
        "lengths": lambda m, w: layerwise(m, w).sqrt().mean(dim=0),
    },
    checks.kept_colors: {
        "cut off": lambda p, c: grey_of(p) + c - grey_of(c),
        "other way round": lambda p, c: (grey_of(c) + p - grey_of(p)).clamp(0, 1),
        "light off first": lambda p, c: (grey_of(p) + c).clamp(0, 1),
        "own colours off first": lambda p, c: (p + c - grey_of(c)).clamp(0, 1),
        "this is grey": lambda p, c: grey_of(p).expand_as(p),
        "add the light": lambda p, c: (c - grey_of(c)).expand_as(p),
    },
    checks.matched_light: {
        "now the contrast": lambda s, c: s - s.mean() + c.mean(),
        "add the content's mean": lambda s, c: standing(s) * deviation(c) + s.mean(),
        "own mean off": lambda s, c: s / deviation(s) * deviation(c) + c.mean(),
        "way round": lambda s, c: standing(s) * deviation(s) ** 2 / deviation(c) + c.mean(),
        "of the content, too": lambda s, c: standing(s) + c.mean(),
        "variances": lambda s, c: standing(s) * deviation(c) ** 2 / deviation(s) + c.mean(),
    },
    checks.gram_of_maps: {
        "divide by C": lambda a: a.flatten(2) @ a.flatten(2).mT,
        "positions only": lambda a: a.flatten(2) @ a.flatten(2).mT / a[0, 0].numel(),
        "channels only": lambda a: a.flatten(2) @ a.flatten(2).mT / a.shape[1],
        "all pairs": lambda a: a.sum((2, 3))[:, :, None] * a.sum((2, 3))[:, None] / a[0].numel(),
        "over channels": lambda a: a.flatten(2).mT @ a.flatten(2) / a[0].numel(),
        "one matrix a picture": lambda a: (a.flatten(2) @ a.flatten(2).mT / a[0].numel())[0],
        "covariance": lambda a: torch.cov(a[0].flatten(1), correction=0)[None] / a.shape[1],
    },
    checks.masked_distances: {
        "only known": lambda w, a, k: known_differences(w, a, k | True).mean(dim=(1, 2)),
        "not. known": lambda w, a, k: known_differences(w, a, ~k).mean(dim=(1, 2)),
        "not by all": lambda w, a, k: known_differences(w, a, k).sum(dim=(1, 2)) / w[0].numel(),
        "not their sum": lambda w, a, k: known_differences(w, a, k).sum(dim=(1, 2)),
        "three values": lambda w, a, k: known_differences(w, a, k).sum(dim=(1, 2)) / k.sum(),
        "square the": lambda w, a, k: (w - a).abs()[..., k].mean(dim=(1, 2)),
        "one number a window": lambda w, a, k: known_differences(w, a, k).mean(),
        "without a root": lambda w, a, k: known_differences(w, a, k).mean(dim=(1, 2)).sqrt(),
    },
    checks.nearest_patches: {
        "take the root": lambda p, k: rms_to_all(p, k).amin(dim=1).square(),
        "not their sum": lambda p, k: torch.cdist(p, k).amin(dim=1),
        "nearest is asked": lambda p, k: rms_to_all(p, k).mean(dim=1),
        "farthest": lambda p, k: rms_to_all(p, k).amax(dim=1),
        "other way round": lambda p, k: rms_to_all(p, k).amin(dim=0),
        "one number a patch": lambda p, k: rms_to_all(p, k).amin(dim=1).median(),
        "square them first": lambda p, k: (p[:, None] - k).abs().mean(dim=2).amin(dim=1),
        "smallest of each row": rms_to_all,
    },
    checks.pointing_hits: {
        "points nowhere": at_the_largest,
        "smallest": lambda a, m: hits_of(-a, m),
        "one pixel decides": lambda a, m: m.flatten(1).any(dim=1),
    },
    checks.deletion_curve: {
        "smallest values first": lambda *given: deleted(*given, descending=False),
        "begins with the whole": lambda *given: deleted(*given)[1:],
        "ends with everything": lambda *given: deleted(*given)[:-1],
        "this is the drop": lambda *given: deleted(*given)[0] - deleted(*given),
        "insertion": lambda f, p, h, c, n: deleted(f, c.expand_as(p), h, p, n),
    },
    checks.paired_difference: {
        "change the sign": lambda a, b: paired(b, a),
        "the same pictures": lambda a, b: paired(a, b, lambda a, b: (a.var() + b.var()).sqrt()),
        "not by N": lambda a, b: paired(a, b, lambda a, b: (a - b).std() / len(a) ** 0.5),
    },
    checks.covered_square: {
        "swapped": lambda p, t, l, k, c: filled(p, l, t, k, c),
        "too small": lambda p, t, l, k, c: filled(p, t, l, k - 1, c),
        "one pixel too large": lambda p, t, l, k, c: filled(p, t, l, k + 1, c),
        "its own colour": lambda p, t, l, k, c: filled(p, t, l, k, c.mean().expand(3)),
        "changed its input": lambda p, t, l, k, c: p.mul_(2),
    },
    checks.kept_scores: {
        "keep it": lambda *given: kept(*given, hide=True),
        "this is a drop": lambda f, p, *rest: f(p[None]) - kept(f, p, *rest),
        "last patch is missing": lambda *given: kept(*given, last=0),
        "stride, not by patch": lambda f, p, k, s, c: kept(f, p, k, k, c),
    },
    checks.changed_outputs: {
        "itself": lambda start, length, *rest: torch.tensor([start, start + length - 1]),
        "padding is missing": lambda a, n, k, s, p, o: reached(a, n, k, s, 0, o),
        "kernel is missing": lambda a, n, k, s, p, o: torch.tensor([a + p, a + n - 1 + p]),
        "too far": lambda a, n, *rest: reached(a, n + 1, *rest),
        "rounded .up": rounded_down,
        "no output before 0": lambda *given: torch.tensor(changed(*given[:-1])),
        "no output behind": lambda *given: torch.tensor(changed(*given[:-1])).clamp(min=0),
    },
    checks.occlusion_drops: {
        "what is gained": lambda *given: -patch_drops(*given),
        "drops of the logit": lambda *given: patch_drops(*given, read=lambda scores: scores),
        "ends at the edge": lambda *given: patch_drops(*given, edge=False),
        "more than batch_size": lambda *given: patch_drops(*given[:-1], 1000),
    },
    checks.feature_loss: {
        "by itself": lambda f, w: squares(f - w).sum() / squares(w)[0],
        "divide by ‖wanted‖²": lambda f, w: squares(f - w),
        "not a mean above": lambda f, w: squares(f - w) / f[0].numel() / squares(w),
        "these are lengths": lambda f, w: (squares(f - w) / squares(w)).sqrt(),
        "not of what is there": lambda f, w: squares(f - w) / squares(f),
        "not by that of the batch": lambda f, w: squares(f - w) / squares(w).sum(),
    },
    checks.total_variation: {
        "square them": lambda x: sum(d.abs().sum((1, 2, 3)) for d in neighbours(x)),
        "add those across": lambda x: squares(x.diff(dim=2)),
        "add those down": lambda x: squares(x.diff(dim=3)),
        "beyond the edge": lambda x: sum(squares(x - x.roll(1, dim)) for dim in (2, 3)),
        "not their mean": lambda x: sum(d.square().mean((1, 2, 3)) for d in neighbours(x)),
        "one number a picture": lambda x: sum(d.square().sum() for d in neighbours(x)),
        "add up the colours": lambda x: sum(d.square().sum((2, 3)) for d in neighbours(x)),
    },
    checks.decibels: {
        "the sign": lambda x, y: 10 * squared_error(x, y).log10(),
        "factor is 10": lambda x, y: -5 * squared_error(x, y).log10(),
        "base of 10": lambda x, y: -10 * squared_error(x, y).log(),
        "averaged over the batch": lambda x, y: -10 * squared_error(x, y).mean().log10(),
        "not their sum": lambda x, y: -10 * squares(x - y).log10(),
    },
    checks.facet_side: {
        "turned round": lambda x, a, b: side(x, b, a),
        "so that the means come out": lambda x, a, b: (x - (a + b) / 2) @ (a - b),
        "divide by its square": lambda x, a, b: side(x, a, b) * (a - b).norm(),
        "not from the first": lambda x, a, b: side(x, a, b) - 0.5,
        "not from the other": lambda x, a, b: side(x, a, b) + 0.5,
    },
    checks.kmeans_step: {
        "old centres": lambda x, c: c,
        "order has changed": lambda x, c: moved(x, c).flip(0),
        "take their mean": lambda x, c: moved(x, c, torch.Tensor.sum),
        "mean of all points": lambda x, c: x.mean(dim=0).expand_as(c),
        "stays where it is": without_guard,
    },
    checks.code_step: {
        "downhill": lambda c, g, r, decay, b: coded(c, -g, r, decay, b),
        "between 0 and its bounds": lambda c, g, r, decay, b: (1 - decay) * stepped(c, g, r),
        "out of a ReLU": lambda c, g, r, decay, b: ((1 - decay) * stepped(c, g, r)).minimum(b),
        "larger than its bound": lambda c, g, r, decay, b: coded(c, g, r, decay, b + 99),
        "decay is missing": lambda c, g, r, decay, b: coded(c, g, r, 0, b),
        "multiplied by the decay": lambda c, g, r, decay, b: coded(c, g, r, 1 - decay, b),
        "mean of its absolute": lambda c, g, r, decay, b: coded(c, g, r * g.abs().mean(), decay, b),
        "comes after the step": lambda c, g, r, decay, b: coded(c, g, r / (1 - decay), decay, b),
    },
}


@pytest.mark.parametrize(
    ("check", "words", "wrong"),
    [(check, *mistake) for check, known in MISTAKES.items() for mistake in known.items()],
)
def test_a_common_mistake_is_named(check, words, wrong, capsys):
    check(wrong)
    said = capsys.readouterr().out
    assert said.startswith("not yet") and re.search(words, said)


BOTH, ALONE = ["yours", "the package's"], ["the package's; yours will stand beside it"]
DOUBLE = trials.Trial("twice", (torch.tensor([[1.0, 2.0]]),), [[2.0, 4.0]])


@pytest.mark.parametrize(
    "function, titles, words",
    [
        (lambda x: 2 * x, BOTH, "your result, and the package's"),
        (lambda x: 3 * x, BOTH, "your result, and the package's"),
        (lambda x: None, ALONE, "what the package makes of it"),
        (lambda x: x[0], ALONE, "what the package makes of it"),
        (lambda x: x / 0, ALONE, "what the package makes of it"),
    ],
    ids=["right", "wrong", "not begun", "of another shape", "infinite"],
)
def test_a_result_is_drawn_beside_the_packages(function, titles, words, capsys, monkeypatch):
    drawn, shown = [], []
    monkeypatch.setattr(
        trials.plot, "show", lambda *figure_and_words: shown.append(figure_and_words)
    )
    picture = torch.tensor([[0.5, 0.25]])

    def draw(values):
        drawn.append(values)
        return values.expand(3, 1, 2) / 2

    trials.run(function, DOUBLE, seen=trials.Seen((picture,), 2 * picture, draw))
    [(figure, said)] = shown
    assert [axes.get_title("left").replace("\n", " ") for axes in figure.axes] == titles
    assert said == words and torch.equal(drawn[0], 2 * picture)
    assert torch.equal(picture, torch.tensor([[0.5, 0.25]]))
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("fails", [False, True])
def test_hooks_that_a_function_leaves_are_taken_away_and_others_stay(fails):
    network = torch.nn.Sequential(torch.nn.ReLU())
    network[0].register_forward_hook(lambda *given: None)

    def leaves_one(network, pixels):
        network[0].register_forward_hook(lambda *given: None)
        network[0].register_full_backward_hook(lambda *given: None)
        return pixels / (0 if fails else 1)

    tried = trials.without_hooks(leaves_one)
    if fails:
        with pytest.raises(ZeroDivisionError):
            tried(network, 1)
    else:
        assert tried(network, 1) is trials.HOOKS_LEFT
    assert len(network[0]._forward_hooks) == 1 and not network[0]._backward_hooks
    assert trials.without_hooks(lambda network, pixels: pixels)(network, 5) == 5


def test_changing_the_input_is_noticed(capsys):
    def changes(maps):
        best = maps.argmax(dim=1)
        maps.zero_()
        return best

    checks.relative_maps(changes)
    assert "changed its input" in capsys.readouterr().out


def test_an_error_in_the_students_code_is_passed_on():
    with pytest.raises(ZeroDivisionError):
        checks.relative_maps(lambda maps: 1 / 0)


def test_the_expected_numbers_are_those_of_the_definition():
    scores = torch.log(torch.tensor([[1.0, 2.0, 1.0]]))
    assert trials.compare(scores.softmax(dim=1), [[0.25, 0.5, 0.25]]) is None
