"""The inversion loop: against a slow reference, image by image, through kills, NaN, growth and plateaus."""

from dataclasses import replace
from functools import partial

import pytest
import torch
from torch.nn.utils import clip_grad_norm_

from stages.common import seeds
from stages.common.affine import draw_affines, move
from stages.common.affine_ranges import Affine
from stages.common.failures import UserError, told
from stages.common.images import write_images
from stages.inversion import optimisation
from stages.inversion import settings as module
from stages.inversion import step as one_step
from stages.inversion.optimisation import Inversion, invert
from stages.inversion.scales import first_noise, layered_noise, over_scales
from stages.inversion.settings import settings_of
from stages.losses.total_variation import total_variation
from stages.models import clip, vilt
from tests.stages.inversion.linear import SIDE, Linear, targets
from tests.stages.models.tiny import run_for

STILL = Affine(probability=0)
Settings = partial(module.Settings, parametrisation="pixels", learning_rate=0.1)


def generators(*names):
    return [seeds.generator("test", name) for name in names]


def finished(tmp_path, settings, *, names="abc", affine=STILL, target=None, model=None):
    """The result of an unbroken run of one image for each letter of `names`, and the steps it went through."""
    target = targets(len(names)) if target is None else target
    model = model or Linear()
    run = invert(model, target, settings, affine, generators=generators(*names), state=tmp_path / "state.pt")
    *steps, result = run
    assert isinstance(result, Inversion)
    return result, steps


class Recorder:
    """An optimiser that moves nothing and keeps what it was given."""

    made, rates, norms, given = 0, [], [], []

    def __init__(self, tensors):
        Recorder.made += 1

    def step(self, gradients, learning_rate):
        Recorder.rates.append(learning_rate.item())
        Recorder.norms.append(gradients[0].flatten(1).norm(dim=1))
        Recorder.given.append(gradients[0])


@pytest.fixture
def recorder(monkeypatch):
    Recorder.made, Recorder.rates, Recorder.norms, Recorder.given = 0, [], [], []
    monkeypatch.setattr(one_step, "Adam", Recorder)
    return Recorder


def one_at_a_time(model, target, settings, affine, generator):
    """Eq. 3 for one image, as a tutorial would write it."""
    image = layered_noise(SIDE, settings.scales, generator)
    moves = draw_affines(affine, settings.steps * settings.views, generator)
    image = image[None].requires_grad_()
    optimizer = torch.optim.Adam([image], lr=settings.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    for step in range(settings.steps):
        loss = settings.tv_weight * total_variation(image).sum()
        for view in range(settings.views):
            cosine = 1 - model.inversion_loss(move(image, moves[[step * settings.views + view]]), target[None])
            distance = (2 - 2 * cosine).sqrt() if settings.distance == "euclidean" else 1 - cosine
            loss = loss + distance.sum() / settings.views
        optimizer.zero_grad()
        loss.backward()
        image.grad = over_scales(image.grad, settings.scales)
        clip_grad_norm_([image], settings.clip)
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            image.clamp_(0, 1)
    return image.detach()[0]


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
@pytest.mark.parametrize("views", [1, 2])
@pytest.mark.parametrize(("clip", "scales"), [(1.0, ()), (0.05, ()), (0.05, (2, 4))])
def test_it_agrees_with_a_loop_over_images(tmp_path, monkeypatch, distance, views, clip, scales):
    monkeypatch.setattr(optimisation, "to_8_bit", lambda images: images)
    settings = Settings(steps=5, distance=distance, views=views, clip=clip, scales=scales)
    affine = Affine(probability=0.7)
    result, _ = finished(tmp_path, settings, affine=affine)
    for image, target, generator in zip(result.images, targets(3), generators(*"abc"), strict=True):
        expected = one_at_a_time(Linear(), target, settings, affine, generator)
        torch.testing.assert_close(image, expected, atol=1e-5, rtol=0)


def test_images_come_closer_to_their_own_target_and_stay_what_a_png_keeps(tmp_path):
    result, steps = finished(tmp_path, Settings(steps=60), affine=Affine())
    assert steps == list(range(60))
    assert torch.equal((result.images * 255).round() / 255, result.images)
    closeness = torch.stack([1 - Linear().inversion_loss(result.images, target[None]) for target in targets(3)])
    assert closeness.argmax(0).tolist() == [0, 1, 2]
    assert closeness.diagonal().min() > 0.9


def test_the_curve_tells_similarity_and_variation_of_every_image_at_twenty_points_of_many_steps(tmp_path):
    result, _ = finished(tmp_path, Settings(steps=100))
    assert [row[0] for row in result.curve[::3]] == list(range(5, 101, 5))
    assert [row[1] for row in result.curve[:6]] == [0, 1, 2, 0, 1, 2]
    last = torch.tensor(result.curve[-3:])
    torch.testing.assert_close(last[:, 2], 1 - Linear().inversion_loss(result.images, targets(3)), atol=0.01, rtol=0)
    torch.testing.assert_close(last[:, 3], total_variation(result.images), atol=0.05, rtol=0)


def test_few_steps_are_looked_at_every_four_and_at_the_last(tmp_path):
    result, _ = finished(tmp_path, Settings(steps=10))
    assert [row[0] for row in result.curve[::3]] == [4, 8, 10]


def test_an_image_does_not_depend_on_its_neighbours(tmp_path):
    settings = Settings(steps=8, views=2)
    mixed = targets(3)
    strangers = torch.stack([mixed[0], *targets(2, 9)])
    first, _ = finished(tmp_path, settings, names="abc", affine=Affine(), target=mixed)
    other, _ = finished(tmp_path, settings, names="axy", affine=Affine(), target=strangers)
    assert torch.equal(first.images[0], other.images[0])
    assert not torch.equal(first.images[1], other.images[1])
    assert [row for row in first.curve if row[1] == 0] == [row for row in other.curve if row[1] == 0]


def test_an_image_draws_its_noise_and_its_moves_from_its_own_generator(tmp_path):
    settings, target = Settings(steps=4), targets(1).expand(2, -1)
    result, _ = finished(tmp_path, settings, names="ab", affine=Affine(), target=target)
    swapped, _ = finished(tmp_path, settings, names="ba", affine=Affine(), target=target)
    assert torch.equal(result.images, swapped.images.flip(0))
    assert not torch.equal(result.images[0], result.images[1])


def test_the_gradient_is_clipped_image_by_image(tmp_path, recorder):
    target = targets(2) * torch.tensor([[1000.0], [0.01]])  # the gradient grows with the target
    settings = Settings(steps=1, tv_weight=0.0, scales=())
    finished(tmp_path, settings, names="ab", target=target)
    image = torch.rand(3, SIDE, SIDE, generator=generators("b")[0])[None].requires_grad_()
    (gradient,) = torch.autograd.grad(Linear().inversion_loss(image, target[1:]).sum(), image)
    assert gradient.norm() < 0.5
    assert recorder.norms[0].tolist() == pytest.approx([1.0, gradient.norm().item()], rel=1e-4)


@pytest.mark.parametrize("clip", [1e-3, 1e3])
def test_weight_decay_pulls_pixels_to_the_middle_grey_beside_a_gradient_of_any_size(tmp_path, recorder, clip):
    for decay in (0.0, 0.3):
        finished(tmp_path, Settings(steps=1, weight_decay=decay, clip=clip, start="normal"), names="ab")
    images = torch.stack([first_noise(SIDE, Settings(start="normal"), one) for one in generators(*"ab")])
    pull = recorder.given[1] - recorder.given[0]
    torch.testing.assert_close(pull, 0.3 * (images - 0.5), atol=1e-5, rtol=0)


def test_weight_decay_is_that_of_torchs_adam_around_the_middle_grey(tmp_path, monkeypatch):
    monkeypatch.setattr(optimisation, "to_8_bit", lambda images: images)
    settings = Settings(steps=5, weight_decay=0.5, start="normal", scales=(), clip=1e3, tv_weight=0.0)
    result, _ = finished(tmp_path, settings, names="a")
    around = (first_noise(SIDE, settings, *generators("a"))[None] - 0.5).requires_grad_()
    optimizer = torch.optim.Adam([around], lr=settings.learning_rate, weight_decay=0.5)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.steps)
    for _ in range(settings.steps):
        optimizer.zero_grad()
        Linear().inversion_loss(around + 0.5, targets(1)).sum().backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            around.clamp_(-0.5, 0.5)
    torch.testing.assert_close(result.images, around.detach() + 0.5, atol=1e-5, rtol=0)


def test_the_learning_rate_falls_as_a_cosine(tmp_path, recorder):
    finished(tmp_path, Settings(steps=4, learning_rate=2.0))
    assert recorder.rates == pytest.approx([2.0, 1 + 0.5**0.5, 1.0, 1 - 0.5**0.5])


def test_the_learning_rate_swings_back_where_annealing_is_shorter_than_the_steps(tmp_path, recorder):
    finished(tmp_path, Settings(steps=5, learning_rate=2.0, anneal_every=2))
    assert recorder.rates == pytest.approx([2.0, 1.0, 0.0, 1.0, 2.0], abs=1e-6)


def test_growing_starts_adam_and_the_learning_rate_anew(tmp_path, recorder):
    finished(tmp_path, Settings(steps=4, learning_rate=2.0, start_px=4, grow_at=(2,)))
    assert recorder.rates == pytest.approx([2.0, 1 + 0.5**0.5, 2.0, 1.0])
    assert recorder.made == 2


def test_images_double_at_the_steps_told_up_to_the_models_size(tmp_path):
    model = Linear()
    result, _ = finished(tmp_path, Settings(steps=20, start_px=2, grow_at=(2, 4, 6)), model=model)
    looks = {4: 1, 8: 4}  # of 20 steps every fourth looks once more, for the curve: the first at 4 px, the others at 8
    asked = [shape[-1] for shape in model.seen]
    assert {side: asked.count(side) for side in (2, 4, 8)} == {2: 2, 4: 2 + looks[4], 8: 16 + looks[8]}
    assert result.images.shape == (3, 3, SIDE, SIDE)


def test_every_view_is_one_image_of_the_batch(tmp_path):
    model = Linear()
    finished(tmp_path, Settings(steps=1, views=5), model=model)
    assert model.seen[0] == (15, 3, SIDE, SIDE)


class KilledError(Exception):
    pass


def killed_at(step, tmp_path, settings):
    """A run whose model dies in the middle of this step."""
    model, calls = Linear(), 0
    whole = model.inversion_loss

    def dies(images, target):
        nonlocal calls
        calls += images.requires_grad
        if calls > step:
            raise KilledError
        return whole(images, target)

    model.inversion_loss = dies
    with pytest.raises(KilledError):
        finished(tmp_path, settings, affine=Affine(), model=model)


@pytest.mark.parametrize("growth", [{}, {"start_px": 4, "grow_at": (3,)}, {"start_px": 4, "grow_at": (5,)}], ids=str)
def test_a_run_that_was_killed_goes_on_to_the_same_bytes(tmp_path, monkeypatch, growth):
    settings = Settings(steps=9, **growth)
    unbroken, _ = finished(tmp_path, settings, affine=Affine())
    monkeypatch.setattr(optimisation, "SECONDS_BETWEEN_STATES", -1.0)  # a state after every step
    killed_at(5, tmp_path, settings)
    assert (tmp_path / "state.pt").exists()
    resumed, steps = finished(tmp_path, settings, affine=Affine())
    assert steps == [5, 6, 7, 8]
    assert torch.equal(resumed.images, unbroken.images)
    assert resumed.curve == unbroken.curve


def test_nothing_is_left_of_the_state_after_the_end(tmp_path, monkeypatch):
    monkeypatch.setattr(optimisation, "SECONDS_BETWEEN_STATES", -1.0)
    finished(tmp_path, Settings(steps=3))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_while_a_state_is_kept_is_told_and_leaves_the_state_before(tmp_path, monkeypatch, small_files_only):
    monkeypatch.setattr(optimisation, "SECONDS_BETWEEN_STATES", -1.0)
    (tmp_path / "other").write_text("")
    with pytest.raises(OSError) as caught:
        finished(tmp_path, Settings(steps=3))
    assert f"while writing {tmp_path / 'state.pt'}" in told(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["other"]


def test_nan_stops_with_what_to_do(tmp_path):
    model = Linear()
    model.map[0, 0] = float("nan")
    with pytest.raises(UserError, match=r"NaN at step 5.*invert.learning_rate"):
        finished(tmp_path, Settings(steps=100), model=model)


class Content(Linear):
    """A model that likes every image equally well; those whose target begins below 0 it likes better at every look."""

    def inversion_loss(self, images, target):
        self.seen.append(tuple(images.shape))
        rising = 0.001 * len(self.seen) * (target[:, 0] < 0)
        return 0.5 - rising + 0 * images.flatten(1).sum(1)


def test_patience_stops_where_nothing_is_gained(tmp_path):
    settings = Settings(steps=100, patience=10)
    result, steps = finished(tmp_path, settings, model=Content(), target=targets(3).abs())
    assert result.curve[-1][0] == 15  # looked at every 5 steps; 15 is the first that lies 10 after another look
    assert steps == list(range(14))


def test_an_image_that_gains_no_more_leaves_the_batch_and_the_others_go_on(tmp_path):
    model, target = Content(), targets(3).abs() * torch.tensor([[1.0], [-1.0], [1.0]])
    result, steps = finished(tmp_path, Settings(steps=40, patience=10), model=model, target=target)
    assert steps == list(range(40))
    # looked at every 4 steps; 16 is the first that lies 10 after another look
    assert [shape[0] for shape in model.seen] == [3] * (16 + 4) + [1] * (24 + 6)
    assert result.images.shape[0] == 3


def test_an_image_that_left_early_is_what_it_was_and_the_others_are_as_if_it_had_never_been_there(tmp_path):
    target = targets(3).abs() * torch.tensor([[1.0], [-1.0], [1.0]])
    settings = Settings(steps=40, patience=10)
    result, _ = finished(tmp_path, settings, model=Content(), target=target, affine=Affine())
    until, _ = finished(tmp_path, replace(settings, patience=0), model=Content(), target=target, affine=Affine())
    alone, _ = finished(tmp_path, settings, names="b", model=Content(), target=target[1:2], affine=Affine())
    assert torch.equal(result.images[1], until.images[1])
    assert torch.equal(result.images[1], alone.images[0])
    last = {row: [point for point in result.curve if point[1] == row][-1] for row in range(3)}
    assert [last[row][0] for row in range(3)] == [40, 40, 40]  # a finished image keeps its last values


def test_without_patience_every_step_is_made(tmp_path):
    _, steps = finished(tmp_path, Settings(steps=100), model=Content())
    assert len(steps) == 100


def test_patience_goes_on_while_something_is_gained(tmp_path):
    class Rising(Linear):
        def inversion_loss(self, images, target):
            self.seen.append(tuple(images.shape))
            return 1 - 0.001 * len(self.seen) + 0 * images.flatten(1).sum(1)

    _, steps = finished(tmp_path, Settings(steps=20, patience=2), model=Rising())
    assert len(steps) == 20


def test_bfloat16_is_computed_in_where_it_is_told_and_looked_at_in_float32(tmp_path, tiny_models):
    model, told = clip.load(run_for(tiny_models["clip", "vit"])), []
    model.network.visual.register_forward_pre_hook(lambda _, given: told.append(given[0].dtype))
    target = model.inversion_target(["a cat"])
    for precision in ("auto", "float32", "bfloat16"):
        finished(tmp_path, Settings(steps=1, precision=precision), model=model, target=target, names="a")
    step, look = torch.float32, torch.float32
    assert told == [step, look, step, look, torch.bfloat16, look]


def test_a_chunk_that_does_not_fit_into_memory_goes_through_in_parts(tmp_path, capsys):
    class Small(Linear):
        def inversion_loss(self, images, target):
            if images.requires_grad and len(images) > 2:
                raise torch.OutOfMemoryError
            return super().inversion_loss(images, target)

    whole, _ = finished(tmp_path, Settings(steps=2), names="abcde", target=targets(5))
    parts, _ = finished(tmp_path, Settings(steps=2), names="abcde", target=targets(5), model=Small())
    torch.testing.assert_close(parts.images, whole.images, atol=0.005, rtol=0)
    assert "from here on 2 of 5 images go through at once" in capsys.readouterr().out


def test_a_single_image_that_does_not_fit_is_an_error(tmp_path):
    class Full(Linear):
        def inversion_loss(self, images, target):
            raise torch.OutOfMemoryError

    with pytest.raises(torch.OutOfMemoryError):
        finished(tmp_path, Settings(steps=1), model=Full())


@pytest.fixture
def joint(tiny_models):
    return vilt.read(tiny_models["vilt", "b32"])


def test_a_joint_encoders_images_come_to_match_their_texts_and_the_curve_says_how_likely(tmp_path, joint):
    texts = ["a cat", "two dogs on a long street", "lung"]
    settings, affine = settings_of(
        {"preset": "vilt", "steps": 40, "start_px": 8, "grow_at": [10, 20], "learning_rate": 0.05}, "a test"
    )
    result, _ = finished(tmp_path, settings, affine=affine, target=joint.inversion_target(texts), model=joint)
    assert result.images.shape == (3, 3, 32, 32)
    shown = torch.tensor([row[2] for row in result.curve]).view(-1, 3)
    assert (shown >= 0).all() and (shown <= 1).all()
    assert (shown[-1] > 0.9).all()
    matches = joint.matching_logits(result.images, texts).softmax(dim=1)[:, 1]
    torch.testing.assert_close(shown[-1], matches, atol=0.05, rtol=0)


def test_texts_of_several_lengths_do_not_change_each_others_images(tmp_path, joint):
    texts, settings = ["a cat", "two dogs on a long grey street"], Settings(steps=4, scales=())
    both, _ = finished(tmp_path, settings, names="ab", target=joint.inversion_target(texts), model=joint)
    alone, _ = finished(tmp_path, settings, names="a", target=joint.inversion_target(texts[:1]), model=joint)
    torch.testing.assert_close(both.images[:1], alone.images, atol=0.005, rtol=0)


def test_pictures_in_place_of_inverted_images_show_how_likely_they_match(tmp_path, joint):
    files = write_images(tmp_path, torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(3)))
    target = joint.inversion_target(["a cat"]).expand(2, -1)
    found = optimisation.taken(joint, target, files)
    expected = joint.matching_logits(found.images, ["a cat"] * 2).softmax(dim=1)[:, 1]
    assert [row[2] for row in found.curve] == pytest.approx(expected.tolist(), abs=1e-5)
