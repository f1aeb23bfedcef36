"""Checks say "not yet", name the mistake, and accept what is right."""

import re

import pytest
import torch
import torch.nn.functional as F

from cs231n_viz import checks
from cs231n_viz.activations import ReceptiveField
from cs231n_viz.checks import trials
from cs231n_viz.incremental import changed
from cs231n_viz.techniques import deepdream, filters, last_layer


def merged(values, picture, answers, first, k, strongest_first=True):
    number = torch.arange(first, first + len(answers)).expand(len(values), -1)
    order = torch.cat([values, answers.T], dim=1).topk(k).indices
    chosen = torch.cat([picture, number], dim=1).gather(1, order)
    return chosen if strongest_first else chosen.flip(1)


def box(row, column, size, stride, offset, side):
    return torch.tensor(ReceptiveField(size, stride, offset).box(row, column, side, side))


def weighed(maps, slopes):
    return slopes.mean(dim=(2, 3), keepdim=True) * maps


def folded(places):
    side = round(places.shape[1] ** 0.5)
    return places.transpose(1, 2).unflatten(2, (side, side))


def filled(picture, top, left, patch, color):
    copy = picture.clone()
    copy[:, top : top + patch, left : left + patch] = color[:, None, None]
    return copy


def drops(score, picture, patch, stride, color, last=1):
    tops, lefts = (range(0, side - patch + last, stride) for side in picture.shape[1:])
    covered = torch.stack(
        [filled(picture, top, left, patch, color) for top in tops for left in lefts]
    )
    return score(picture[None]) - score(covered).view(len(tops), len(lefts))


def reached(start, length, kernel, stride, padding, outputs):
    first, last = changed(start, length, kernel, stride, padding)
    return torch.tensor([max(first, 0), min(last, outputs - 1)])


def share_left(parts):
    return parts.sum(dim=0).abs() / parts.abs().sum(dim=0)


def ranks(values):
    return values.flatten().argsort().argsort()


def pearson(a, b):
    return torch.corrcoef(torch.stack([a.flatten(), b.flatten()]).float())[0, 1]


def slope_of(score, pixels):
    pixels = pixels.clone().requires_grad_()
    return torch.autograd.grad(score(pixels).sum(), pixels)[0]


def evidence(maps, weights):
    return torch.einsum("c,chw->hw", weights, maps)


def copies_of(map_of, picture, noises):
    return map_of(picture + noises)


def along(slope, x, start, steps, shift=0.5):
    return torch.stack([slope(start + (k + shift) / steps * (x - start)) for k in range(steps)])


def hits_of(maps, masks):
    hit = masks.flatten(1).gather(1, maps.flatten(1).argmax(dim=1, keepdim=True))[:, 0]
    return hit & (maps.amax(dim=(1, 2)) > maps.amin(dim=(1, 2)))


def deleted(score, picture, heat, cover, steps, descending=True):
    order = heat.flatten().argsort(descending=descending).argsort().view_as(heat)
    return torch.cat(
        [
            score(torch.where(order < s / steps * heat.numel(), cover, picture)[None])
            for s in range(steps + 1)
        ]
    )


def paired(a, b, spread=lambda a, b: (a - b).std()):
    return torch.stack([(a - b).mean(), 1.96 * spread(a, b) / len(a) ** 0.5])


def dream_step(gradient_of, image, shift, rate, back=None):
    rolled_back = tuple(-size for size in shift) if back is None else back
    g = gradient_of(image.roll(shift, (2, 3))).roll(rolled_back, (2, 3))
    return image + rate * g / g.abs().mean()


def lengths(change):
    return change.flatten(1).norm(dim=1).view(-1, 1, 1, 1)


def shrunk(change, radius):
    return (radius / lengths(change).clamp(min=1e-12)).clamp(max=1)


def into(image, center, radius):
    return image.clamp(center - radius, center + radius)


def penalised(x, slope, mean, rate, weight, factor=2):
    return x + rate * (slope - factor * weight * (x - mean))


def clipped(x, mean, share, center=None, sign=1):
    length = sign * (x - (mean if center is None else center)).square().sum(dim=1).flatten()
    small = length.argsort()[: int(share * len(length))]
    keep = torch.ones(length.shape, dtype=torch.bool).index_fill(0, small, False)
    return torch.where(keep.view(x.shape[2:]), x, mean)


def rolled(x, down, right):
    return x.roll((down, right), (-2, -1))


def layerwise(maps, wanted):
    grams = [torch.einsum("nkhw,nlhw->nkl", one, one) / one[0].numel() for one in maps]
    return torch.stack(
        [
            (g - w).square().sum((1, 2)) / w.square().sum()
            for g, w in zip(grams, wanted, strict=True)
        ]
    )


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


RIGHT = {
    checks.normalized_maps: lambda maps: (
        (maps - maps.mean((2, 3), True)) / (maps.var((2, 3), False, keepdim=True) + 1e-5).sqrt()
    ),
    checks.mixed_rows: lambda weights, rows: weights @ rows / weights.sum(),
    checks.doubled_maps: lambda maps: maps.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3),
    checks.style_loss: lambda maps, wanted: layerwise(maps, wanted).mean(dim=0),
    checks.kept_colors: lambda painted, content: (
        grey_of(painted) + content - grey_of(content)
    ).clamp(0, 1),
    checks.matched_light: lambda style, content: (
        standing(style) * deviation(content) + content.mean()
    ),
    checks.gram_of_maps: lambda maps: torch.einsum("nkhw,nlhw->nkl", maps, maps) / maps[0].numel(),
    checks.masked_distances: lambda *given: known_differences(*given).mean(dim=(1, 2)),
    checks.nearest_patches: lambda patches, known: rms_to_all(patches, known).amin(dim=1),
    checks.fast_gradient_sign: lambda f, x, radius: (x + radius * slope_of(f, x).sign()).clamp(
        0, 1
    ),
    checks.nearest_in_length: lambda x, center, radius: (
        center + (x - center) * shrunk(x - center, radius)
    ),
    checks.projected_step: lambda x, g, center, r, rate: into(x + rate * g.sign(), center, r).clamp(
        0, 1
    ),
    checks.gradient_map: lambda score, x: slope_of(score, x).abs().amax(dim=1),
    checks.smoothed_map: lambda *given: copies_of(*given).mean(dim=0),
    checks.path_parts: lambda slope, x, start, steps: (
        (x - start) * along(slope, x, start, steps).mean(dim=0)
    ),
    checks.top_class: lambda scores: scores.argmax(dim=1),
    checks.probabilities: lambda scores: scores.softmax(dim=1),
    checks.filter_pictures: filters.as_pictures,
    checks.filter_responses: filters.responses,
    checks.filter_roughness: filters.roughness,
    checks.cosine_neighbors: lambda f, q, k: last_layer.nearest(f, q[None], k, "cosine").indices[0],
    checks.leave_one_out: lambda f, labels: last_layer.knn_right(f, labels, 1, "L2").float().mean(),
    checks.principal_positions: lambda f: -last_layer.principal_components(f).positions,
    checks.merged_top: merged,
    checks.dead_channels: lambda maps: maps.amax(dim=(0, 2, 3)) <= 0,
    checks.patch_box: box,
    checks.guided_rule: lambda x, g: g.clamp(min=0) * (x > 0),
    checks.surviving_share: lambda w, g: share_left(w * g[:, None]),
    checks.rank_correlation: lambda a, b: pearson(ranks(a), ranks(b)),
    checks.evidence_difference: lambda maps, w, a, b: evidence(maps, w[a] - w[b]),
    checks.gradient_weighted_map: lambda maps, slopes: (
        weighed(maps, slopes).sum(dim=1).clamp(min=0)
    ),
    checks.token_grid: lambda tokens: folded(tokens[:, 1:]),
    checks.covered_square: filled,
    checks.drop_map: drops,
    checks.changed_outputs: reached,
    checks.dream_gradient: lambda f, x: slope_of(lambda v: f(v).square() / 2, x),
    checks.octave_list: lambda *given: torch.tensor(deepdream.octave_sizes(*given)),
    checks.jittered_step: dream_step,
    checks.l2_step: penalised,
    checks.small_pixels_clipped: clipped,
    checks.jittered_slope: lambda f, x, down, right: rolled(
        f(rolled(x, down, right)), -down, -right
    ),
    checks.pointing_hits: hits_of,
    checks.deletion_curve: deleted,
    checks.paired_difference: paired,
}


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_an_unsolved_exercise_is_not_yet_done_and_raises_nothing(check, capsys):
    check(lambda *arguments: None)
    assert capsys.readouterr().out.startswith("not yet")


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_a_right_answer_is_right(check, capsys):
    check(RIGHT[check])
    assert capsys.readouterr().out.startswith("right")


def cosines(f, q):
    return f @ q / (f.norm(dim=1) * q.norm())


def with_itself(f, labels):
    return (labels[torch.cdist(f, f).argmin(dim=1)] == labels).float().mean()


def farthest(f, labels):
    return (labels[torch.cdist(f, f).argmax(dim=1)] == labels).float().mean()


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


def naive_softmax(scores):
    return scores.exp() / scores.exp().sum(dim=1, keepdim=True)


@pytest.mark.parametrize(
    ("check", "wrong", "words"),
    [
        (checks.top_class, lambda s: s.argmax(dim=0), "dim=0"),
        (checks.top_class, lambda s: s.amax(dim=1), "argmax"),
        (checks.probabilities, lambda s: s.exp(), "sum to 1"),
        (checks.probabilities, lambda s: s.softmax(dim=0), "dim=0"),
        (checks.probabilities, naive_softmax, "NaN or infinity"),
        (checks.filter_pictures, lambda f: filters.as_pictures(f, "shared"), "its own largest weight"),
        (checks.filter_pictures, lambda f: f, "shape|at"),
        (checks.filter_responses, lambda w, p: p.flatten(1) @ w.flatten(), "not scaled"),
        (checks.filter_responses, lambda w, p: filters.responses(w, p) / w.norm(), "norm 1"),
        (checks.filter_responses, lambda w, p: filters.responses(w, p)[:, None], "too few"),
        (checks.filter_roughness, lambda f: 2 * filters.roughness(f), "average"),
        (checks.filter_roughness, lambda f: f.mean(), "too many"),
        (checks.filter_roughness, lambda f: 3.0, "returned a float"),
        (checks.cosine_neighbors, lambda f, q, k: (f @ q).topk(k).indices, "long vector wins"),
        (checks.cosine_neighbors, lambda f, q, k: (f - q).norm(dim=1).argsort()[:k], "by L2"),
        (checks.cosine_neighbors, lambda f, q, k: cosines(f, q).argsort()[:k], "the farthest"),
        (checks.cosine_neighbors, lambda f, q, k: cosines(f, q).topk(k).indices.flip(0), "wrong order"),
        (checks.cosine_neighbors, lambda f, q, k: cosines(f, q).topk(k).values, "indices of those vectors"),
        (checks.leave_one_out, with_itself, "leave it out"),
        (checks.leave_one_out, lambda f, y: last_layer.knn_right(f, y, 1, "L2").sum().float(), "how many are right"),
        (checks.leave_one_out, lambda f, y: 1 - last_layer.knn_right(f, y, 1, "L2").float().mean(), "wrong ones"),
        (checks.leave_one_out, farthest, "farthest"),
        (checks.principal_positions, uncentered, "mean is still in"),
        (checks.principal_positions, without_lengths, "multiply by S"),
        (checks.principal_positions, lambda f: f[:, :2], "first two features"),
        (checks.principal_positions, lambda f: last_layer.principal_components(f).axes, "shape"),
        (checks.merged_top, lambda v, p, a, first, k: merged(v, p, a, 0, k), "counted from 0"),
        (checks.merged_top, lambda *given: joined(*given).indices, "places in the joined list"),
        (checks.merged_top, lambda *given: joined(*given).values, "these are the answers"),
        (checks.merged_top, lambda *given: merged(*given, strongest_first=False), "strongest comes first"),
        (checks.dead_channels, lambda m: m.amax(dim=(2, 3)) <= 0, "on each picture"),
        (checks.dead_channels, lambda m: (m.amax(dim=(2, 3)) <= 0).any(dim=0), "on some picture"),
        (checks.dead_channels, lambda m: (m == 0).flatten(2).all(dim=2).all(dim=0), "below zero"),
        (checks.dead_channels, lambda m: m.amax(dim=(0, 2, 3)) > 0, "living ones"),
        (checks.patch_box, lambda r, c, size, s, o, side: box(r, c, size, s, 0, side), "offset is missing"),
        (checks.patch_box, lambda r, c, size, s, o, side: box(r, c, size, 1, o, side), "stride is missing"),
        (checks.patch_box, unclipped, "out of the picture"),
        (checks.patch_box, last_seen, "not.* seen"),
        (checks.patch_box, cut_first, "after"),
        (checks.patch_box, lambda r, c, *rest: box(c, r, *rest), "changed places"),
        (checks.patch_box, lambda *given: tuple(box(*given).tolist()), "returned a tuple"),
        (checks.guided_rule, lambda x, g: g * (x > 0), "the plain rule"),
        (checks.guided_rule, lambda x, g: g.clamp(min=0), "deconvnet's rule"),
        (checks.guided_rule, lambda x, g: x.clamp(min=0) * (g > 0), "values of x"),
        (checks.guided_rule, lambda x, g: x.relu() * g.relu(), "not by x itself"),
        (checks.guided_rule, lambda x, g: ((x > 0) & (g > 0)).float(), "send the gradient itself"),
        (checks.guided_rule, lambda x, g: g.clamp(max=0) * (x > 0), "kept the negative"),
        (checks.surviving_share, lambda w, g: (w.T @ g) / (w * g[:, None]).abs().sum(dim=0), "not negative"),
        (checks.surviving_share, lambda w, g: (w.T @ g).abs(), "divide by the sum"),
        (checks.surviving_share, lambda w, g: w.T @ g, "divide its absolute value"),
        (checks.surviving_share, lambda w, g: torch.ones(w.shape[1]), "the sum comes first"),
        (checks.surviving_share, lambda w, g: share_left(w), "slopes are missing"),
        (checks.surviving_share, lambda w, g: share_left((w * g[:, None]).T), "over the inputs|shape"),
        (checks.surviving_share, lambda w, g: share_left((w * g[:, None]).flatten()), "one number|too many"),
        (checks.rank_correlation, pearson, "one large value"),
        (checks.rank_correlation, lambda a, b: pearson(a.flatten().argsort(), b.flatten().argsort()), "which rank a pixel has"),
        (checks.rank_correlation, lambda a, b: torch.cosine_similarity(ranks(a).float(), ranks(b).float(), dim=0), "mean off"),
        (checks.rank_correlation, lambda a, b: (ranks(a) - 2.5) @ (ranks(b) - 2.5), "equal ranks give 1"),
        (checks.fast_gradient_sign, lambda f, x, r: x + r * slope_of(f, x).sign(), "clamp"),
        (checks.fast_gradient_sign, lambda f, x, r: (x - r * slope_of(f, x).sign()).clamp(0, 1), "must rise"),
        (checks.fast_gradient_sign, lambda f, x, r: (x + r * slope_of(f, x)).clamp(0, 1), "take its sign"),
        (checks.fast_gradient_sign, lambda f, x, r: (x + slope_of(f, x).sign()).clamp(0, 1), "radius is missing"),
        (checks.fast_gradient_sign, lambda f, x, r: r * slope_of(f, x).sign(), "this is the change"),
        (checks.nearest_in_length, lambda x, c, r: c + (x - c) * r / lengths(x - c), "stays where it is"),
        (checks.nearest_in_length, lambda x, c, r: into(x, c, 0.15), "whole change counts"),
        (checks.nearest_in_length, lambda x, c, r: (x - c) * shrunk(x - c, r), "this is the change"),
        (checks.nearest_in_length, lambda x, c, r: (x - c) * r / lengths(x - c), "this is the change"),
        (checks.nearest_in_length, lambda x, c, r: c + (x - c) * r / (x - c).norm(), "length of its own"),
        (checks.projected_step, lambda x, g, c, r, rate: (x + rate * g.sign()).clamp(0, 1), "left the ball"),
        (checks.projected_step, lambda x, g, c, r, rate: into(x + rate * g.sign(), c, r), "left \\[0, 1"),
        (checks.projected_step, lambda x, g, c, r, rate: into(x - rate * g.sign(), c, r).clamp(0, 1), "downhill"),
        (checks.projected_step, lambda x, g, c, r, rate: into(x + rate * g, c, r).clamp(0, 1), "take its sign"),
        (checks.projected_step, lambda x, g, c, r, rate: x + rate * g.sign(), "bring it into"),
        (checks.projected_step, lambda x, g, c, r, rate: into(c + rate * g.sign(), c, r).clamp(0, 1), "from the image"),
        (checks.l2_step, lambda x, g, m, r, w: x + r * g, "penalty is missing"),
        (checks.l2_step, lambda x, g, m, r, w: penalised(x, g, 0, r, w), "not towards 0"),
        (checks.l2_step, lambda x, g, m, r, w: penalised(x, g, m, r, w, 1), "a factor 2"),
        (checks.l2_step, lambda x, g, m, r, w: penalised(x, g, m, r, w, -2), "wrong sign"),
        (checks.l2_step, lambda x, g, m, r, w: penalised(x, g, m, -r, w), "downhill"),
        (checks.l2_step, lambda x, g, m, r, w: x + r * g - 2 * w * (x - m), "rate belongs"),
        (checks.small_pixels_clipped, lambda x, m, s: clipped(x, 0 * m, s, m), "black is a colour"),
        (checks.small_pixels_clipped, lambda x, m, s: clipped(x, m, s, 0 * m), "measure from mean"),
        (checks.small_pixels_clipped, lambda x, m, s: clipped(x, m, s, sign=-1), "the largest"),
        (checks.jittered_slope, lambda f, x, d, r: f(rolled(x, d, r)), "roll it back"),
        (checks.jittered_slope, lambda f, x, d, r: f(x), "not rolled"),
        (checks.jittered_slope, lambda f, x, d, r: rolled(f(rolled(x, d, r)), d, r), "rolled further on"),
        (checks.gradient_map, lambda f, x: slope_of(f, x).amax(dim=1).abs(), "absolute value before"),
        (checks.gradient_map, lambda f, x: slope_of(f, x).abs().sum(dim=1), "added the colours"),
        (checks.gradient_map, lambda f, x: slope_of(f, x).abs().mean(dim=1), "mean of the colours"),
        (checks.gradient_map, slope_of, "one number a pixel"),
        (checks.gradient_map, lambda f, x: slope_of(f, x).abs(), "largest of the three"),
        (checks.smoothed_map, lambda f, x, n: f(x + n.mean(dim=0, keepdim=True))[0], "take a map of each"),
        (checks.smoothed_map, lambda *given: copies_of(*given).sum(dim=0), "take their mean"),
        (checks.smoothed_map, lambda f, x, n: f(n).mean(dim=0), "picture is missing"),
        (checks.smoothed_map, lambda f, x, n: f(x)[0], "noise is missing"),
        (checks.smoothed_map, copies_of, "too few|into one"),
        (checks.path_parts, lambda *given: along(*given).mean(dim=0), "way is missing"),
        (checks.path_parts, lambda f, x, start, k: f(x) * (x - start), "at the end"),
        (checks.path_parts, lambda f, x, s, k: (x - s) * along(f, x, s, k, 0.0).mean(dim=0), "beginnings"),
        (checks.path_parts, lambda f, x, s, k: (x - s) * along(f, x, s, k, 1.0).mean(dim=0), "at the ends of"),
        (checks.path_parts, lambda f, x, s, k: (x - s) * along(f, x, s, k).sum(dim=0), "added the slopes"),
        (checks.path_parts, lambda f, x, s, k: x * along(f, x, s, k).mean(dim=0), "not by x"),
        (checks.path_parts, lambda f, x, s, k: (s - x) * along(f, x, s, k).mean(dim=0), "from start to x"),
        (checks.path_parts, lambda f, x, s, k: ((x - s) * along(f, x, s, k).mean(dim=0)).sum(), "own part"),
        (checks.evidence_difference, lambda maps, w, a, b: evidence(maps, w[a]), "map of a alone"),
        (checks.evidence_difference, lambda maps, w, a, b: evidence(maps, w[b] - w[a]), "change the sign"),
        (checks.evidence_difference, lambda maps, w, a, b: evidence(maps, w[a] - w[b]).relu(), "no ReLU"),
        (checks.evidence_difference, lambda maps, w, a, b: evidence(maps, w[a]).relu() - evidence(maps, w[b]).relu(),
         "cut each map"),
        (checks.evidence_difference, lambda maps, w, a, b: evidence(maps, w[a] - w[b]) / 2, "took their mean"),
        (checks.evidence_difference, lambda maps, w, a, b: evidence(maps, w[a] - w[b]).mean(), "mean of the map"),
        (checks.evidence_difference, lambda maps, w, a, b: (w[a] - w[b]) * maps.mean(dim=(1, 2)), "keep the places"),
        (checks.gradient_weighted_map, lambda a, s: weighed(a, s).sum(dim=1), "last step is missing"),
        (checks.gradient_weighted_map, lambda a, s: 4 * weighed(a, s).sum(dim=1).relu(), "mean over the places"),
        (checks.gradient_weighted_map, lambda a, s: (a * s).sum(dim=1).relu(), "place by place"),
        (checks.gradient_weighted_map, lambda a, s: weighed(a, s).relu().sum(dim=1), "add the channels up first"),
        (checks.gradient_weighted_map, lambda a, s: weighed(a, s).sum(dim=1, keepdim=True).relu(), "too few"),
        (checks.dream_gradient, slope_of, "slope of ΣΦ"),
        (checks.dream_gradient, lambda f, x: slope_of(lambda v: f(v).square(), x), "half of it"),
        (checks.dream_gradient, lambda f, x: f(x), "Φ itself"),
        (checks.dream_gradient, lambda f, x: slope_of(lambda v: f(v) ** 3 / 3, x), "Φ²"),
        (checks.octave_list, lambda *given: torch.tensor(deepdream.octave_sizes(*given)).flip(0), "smallest comes first"),
        (checks.octave_list, lambda *given: torch.tensor(deepdream.octave_sizes(*given)).flip(1), "height first"),
        (checks.octave_list, lambda *given: torch.tensor(deepdream.octave_sizes(*given)) // 2, "own size"),
        (checks.jittered_step, lambda f, x, s, r: dream_step(f, x, s, r, back=(0, 0)), "roll it back by"),
        (checks.jittered_step, lambda f, x, s, r: dream_step(f, x, s, r, back=s), "rolled the gradient on"),
        (checks.jittered_step, lambda f, x, s, r: 2 * x - dream_step(f, x, s, r), "climb"),
        (checks.jittered_step, lambda f, x, s, r: dream_step(f, x, s, r) - x, "add it to the image"),
        (checks.normalized_maps, lambda a: (a - a.mean((0, 2, 3), True)) / a.std((0, 2, 3), unbiased=False, keepdim=True), "batch norm"),
        (checks.normalized_maps, lambda a: (a - a.mean((1, 2, 3), True)) / a.std((1, 2, 3), unbiased=False, keepdim=True), "layer norm"),
        (checks.normalized_maps, lambda a: (a - a.mean((2, 3), True)) / a.std((2, 3), keepdim=True), "unbiased=False"),
        (checks.normalized_maps, lambda a: (a - a.mean((2, 3), True)) / a.var((2, 3), False, keepdim=True), "not by the variance"),
        (checks.normalized_maps, lambda a: a - a.mean((2, 3), True), "by the deviation as well"),
        (checks.normalized_maps, lambda a: a / a.std((2, 3), unbiased=False, keepdim=True), "the mean off first"),
        (checks.normalized_maps, lambda a: a - a if len(a) == 1 else (a - a.mean((2, 3), True)) / a.std((2, 3), unbiased=False, keepdim=True), "a flat map"),
        (checks.mixed_rows, lambda w, rows: w @ rows, "divide by their sum"),
        (checks.mixed_rows, lambda w, rows: w @ rows / len(w), "not by how many"),
        (checks.mixed_rows, lambda w, rows: w.softmax(0) @ rows, "softmax"),
        (checks.mixed_rows, lambda w, rows: (w @ rows / w.sum())[None], "one row"),
        (checks.mixed_rows, lambda w, rows: rows[w.argmax()], "strongest style alone"),
        (checks.doubled_maps, lambda a: a.repeat(1, 1, 2, 2), "copies of the whole map"),
        (checks.doubled_maps, lambda a: a.repeat_interleave(2, dim=2), "twice as wide"),
        (checks.doubled_maps, lambda a: a.repeat_interleave(2, dim=3), "twice as high"),
        (checks.doubled_maps, lambda a: F.interpolate(a, scale_factor=2, mode="bilinear"), "smooth"),
        (checks.doubled_maps, lambda a: F.conv_transpose2d(a, torch.ones(1, 1, 1, 1), stride=2, output_padding=1), "checkerboard"),
        (checks.style_loss, lambda m, w: layerwise(m, w).sum(dim=0), "not the sum"),
        (checks.style_loss, lambda m, w: layerwise(m, w).mean(), "one number a picture"),
        (checks.style_loss, lambda m, w: layerwise(m, w).sqrt().mean(dim=0), "lengths"),
        (checks.kept_colors, lambda p, c: grey_of(p) + c - grey_of(c), "cut off"),
        (checks.kept_colors, lambda p, c: (grey_of(c) + p - grey_of(p)).clamp(0, 1), "other way round"),
        (checks.kept_colors, lambda p, c: (grey_of(p) + c).clamp(0, 1), "light off first"),
        (checks.kept_colors, lambda p, c: (p + c - grey_of(c)).clamp(0, 1), "own colours off first"),
        (checks.kept_colors, lambda p, c: grey_of(p).expand_as(p), "this is grey"),
        (checks.kept_colors, lambda p, c: (c - grey_of(c)).expand_as(p), "add the light"),
        (checks.matched_light, lambda s, c: s - s.mean() + c.mean(), "now the contrast"),
        (checks.matched_light, lambda s, c: standing(s) * deviation(c) + s.mean(), "add the content's mean"),
        (checks.matched_light, lambda s, c: s / deviation(s) * deviation(c) + c.mean(), "own mean off"),
        (checks.matched_light, lambda s, c: standing(s) * deviation(s) ** 2 / deviation(c) + c.mean(), "way round"),
        (checks.matched_light, lambda s, c: standing(s) + c.mean(), "of the content, too"),
        (checks.matched_light, lambda s, c: standing(s) * deviation(c) ** 2 / deviation(s) + c.mean(), "variances"),
        (checks.gram_of_maps, lambda a: a.flatten(2) @ a.flatten(2).mT, "divide by C"),
        (checks.gram_of_maps, lambda a: a.flatten(2) @ a.flatten(2).mT / a[0, 0].numel(), "places only"),
        (checks.gram_of_maps, lambda a: a.flatten(2) @ a.flatten(2).mT / a.shape[1], "channels only"),
        (checks.gram_of_maps, lambda a: a.sum((2, 3))[:, :, None] * a.sum((2, 3))[:, None] / a[0].numel(), "all pairs"),
        (checks.gram_of_maps, lambda a: a.flatten(2).mT @ a.flatten(2) / a[0].numel(), "over channels"),
        (checks.gram_of_maps, lambda a: (a.flatten(2) @ a.flatten(2).mT / a[0].numel())[0], "one matrix a picture"),
        (checks.gram_of_maps, lambda a: torch.cov(a[0].flatten(1), correction=0)[None] / a.shape[1], "covariance"),
        (checks.masked_distances, lambda w, a, k: known_differences(w, a, k | True).mean(dim=(1, 2)), "only known"),
        (checks.masked_distances, lambda w, a, k: known_differences(w, a, ~k).mean(dim=(1, 2)) * 7 / 9, "not. known"),
        (checks.masked_distances, lambda w, a, k: known_differences(w, a, k).sum(dim=(1, 2)) / w[0].numel(), "not by all"),
        (checks.masked_distances, lambda w, a, k: known_differences(w, a, k).sum(dim=(1, 2)), "not their sum"),
        (checks.masked_distances, lambda w, a, k: known_differences(w, a, k).sum(dim=(1, 2)) / k.sum(), "three values"),
        (checks.masked_distances, lambda w, a, k: (w - a).abs()[..., k].mean(dim=(1, 2)), "square the"),
        (checks.masked_distances, lambda w, a, k: known_differences(w, a, k).mean(), "one number a window"),
        (checks.masked_distances, lambda w, a, k: known_differences(w, a, k).mean(dim=(1, 2)).sqrt(), "without a root"),
        (checks.nearest_patches, lambda p, k: rms_to_all(p, k).amin(dim=1).square(), "take the root"),
        (checks.nearest_patches, lambda p, k: torch.cdist(p, k).amin(dim=1), "not their sum"),
        (checks.nearest_patches, lambda p, k: rms_to_all(p, k).mean(dim=1), "nearest is asked"),
        (checks.nearest_patches, lambda p, k: rms_to_all(p, k).amax(dim=1), "farthest"),
        (checks.nearest_patches, lambda p, k: rms_to_all(p, k).amin(dim=0), "other way round"),
        (checks.nearest_patches, lambda p, k: rms_to_all(p, k).amin(dim=1).median(), "one number a patch"),
        (checks.nearest_patches, lambda p, k: (p[:, None] - k).abs().mean(dim=2).amin(dim=1), "square them first"),
        (checks.nearest_patches, rms_to_all, "smallest of each row"),
        (checks.pointing_hits, lambda a, m: m.flatten(1).gather(1, a.flatten(1).argmax(1)[:, None])[:, 0], "points nowhere"),
        (checks.pointing_hits, lambda a, m: hits_of(-a, m), "smallest"),
        (checks.pointing_hits, lambda a, m: m.flatten(1).any(dim=1), "one pixel decides"),
        (checks.deletion_curve, lambda *given: deleted(*given, descending=False), "smallest values first"),
        (checks.deletion_curve, lambda *given: deleted(*given)[1:], "begins with the whole"),
        (checks.deletion_curve, lambda *given: deleted(*given)[:-1], "ends with everything"),
        (checks.deletion_curve, lambda *given: deleted(*given)[0] - deleted(*given), "this is the drop"),
        (checks.deletion_curve, lambda f, p, h, c, n: deleted(f, c.expand_as(p), h, p, n), "insertion"),
        (checks.paired_difference, lambda a, b: paired(b, a), "change the sign"),
        (checks.paired_difference, lambda a, b: paired(a, b, lambda a, b: (a.var() + b.var()).sqrt()), "different ones"),
        (checks.paired_difference, lambda a, b: paired(a, b, lambda a, b: (a - b).std() / len(a) ** 0.5), "not by N"),
        (checks.token_grid, lambda tokens: folded(tokens[:, :-1]), "class token is the first"),
        (checks.token_grid, lambda tokens: folded(tokens[:, 1:]).mT, "changed places"),
        (checks.token_grid, lambda tokens: tokens[:, 1:].reshape(1, 2, 3, 3), "transpose before"),
        (checks.token_grid, lambda tokens: folded(tokens[:, 1:]).permute(0, 2, 3, 1), "shape|channels are last"),
        (checks.covered_square, lambda p, t, l, k, c: filled(p, l, t, k, c), "changed places"),
        (checks.covered_square, lambda p, t, l, k, c: filled(p, t, l, k - 1, c), "too small"),
        (checks.covered_square, lambda p, t, l, k, c: filled(p, t, l, k + 1, c), "one pixel too large"),
        (checks.covered_square, lambda p, t, l, k, c: filled(p, t, l, k, c.mean().expand(3)), "colour of its own"),
        (checks.covered_square, lambda p, t, l, k, c: p.mul_(2), "changed its input"),
        (checks.drop_map, lambda *given: -drops(*given), "what is gained"),
        (checks.drop_map, lambda f, p, *rest: f(p[None]) - drops(f, p, *rest), "scores of the covered pictures"),
        (checks.drop_map, lambda *given: drops(*given, last=0), "last square is missing"),
        (checks.drop_map, lambda f, p, k, s, c: drops(f, p, k, k, c), "stride, not by patch"),
        (checks.changed_outputs, lambda start, length, *rest: torch.tensor([start, start + length - 1]), "itself"),
        (checks.changed_outputs, lambda a, n, k, s, p, o: reached(a, n, k, s, 0, o), "padding is missing"),
        (checks.changed_outputs, lambda a, n, k, s, p, o: torch.tensor([a + p, a + n - 1 + p]), "kernel is missing"),
        (checks.changed_outputs, lambda a, n, *rest: reached(a, n + 1, *rest), "too far"),
        (checks.changed_outputs, lambda a, n, k, s, p, o: torch.tensor(
            [max((a + p - k + 1) // s, 0), min((a + n - 1 + p) // s, o - 1)]), "rounded .up"),
        (checks.changed_outputs, lambda a, n, k, s, p, o: torch.tensor(changed(a, n, k, s, p)), "no output before 0"),
        (checks.changed_outputs, lambda a, n, k, s, p, o: torch.tensor(changed(a, n, k, s, p)).clamp(min=0),
         "no output behind"),
    ],
)  # fmt: skip
def test_a_common_mistake_is_named(check, wrong, words, capsys):
    check(wrong)
    said = capsys.readouterr().out
    assert said.startswith("not yet") and re.search(words, said)


def test_changing_the_input_is_noticed(capsys):
    def changes(scores):
        best = scores.argmax(dim=1)
        scores.zero_()
        return best

    checks.top_class(changes)
    assert "changed its input" in capsys.readouterr().out


def test_an_error_in_the_students_code_is_passed_on():
    with pytest.raises(ZeroDivisionError):
        checks.top_class(lambda scores: 1 / 0)


def test_the_expected_numbers_are_those_of_the_definition():
    scores = torch.log(torch.tensor([[1.0, 2.0, 1.0]]))
    assert trials.compare(scores.softmax(dim=1), torch.tensor([[0.25, 0.5, 0.25]])) is None
