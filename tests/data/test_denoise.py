import itertools
from math import exp

import numpy as np
import pytest

from numnet.data import shapes
from numnet.data.denoise import (add_noise, gaussian_filter, gaussian_noise,
                                 median_filter, remove_noise, salt_and_pepper)


def generator():
    return np.random.default_rng(0)


def pictures(n=2, h=6, w=5):
    images = generator().integers(0, 256, (n, h, w, 3), np.uint8)
    images.flags.writeable = False
    return images


def gray(value, n=3, h=40, w=50):
    return np.full((n, h, w, 3), value, np.uint8)


def mirrored(images, row, column):
    """All pictures at a place beyond their edges: b a | a b c | c b."""
    h, w = images.shape[1:3]
    row, column = max(row, -1 - row), max(column, -1 - column)
    row, column = min(row, 2 * h - 1 - row), min(column, 2 * w - 1 - column)
    return images[:, row, column].astype(float)


def test_salt_and_pepper_spoils_the_share_asked_for_half_white_half_black():
    images = gray(100)
    spoilt = salt_and_pepper(images, 0.2, generator())
    for extreme in (0, 255):
        assert abs((spoilt == extreme).mean() - 0.1) < 0.015
    assert set(np.unique(spoilt)) == {0, 100, 255}


def test_salt_and_pepper_spoils_a_pixel_in_all_channels_or_not_at_all():
    images = pictures()
    spoilt = salt_and_pepper(images, 0.5, generator())
    white, black = (spoilt == 255).all(axis=-1), (spoilt == 0).all(axis=-1)
    np.testing.assert_array_equal(spoilt[~white & ~black], images[~white & ~black])
    assert 0 < white.sum() and 0 < black.sum() and (white | black).sum() < white.size


def test_no_noise_changes_nothing_and_all_noise_everything():
    images = gray(100)
    np.testing.assert_array_equal(salt_and_pepper(images, 0, generator()), images)
    np.testing.assert_array_equal(gaussian_noise(images, 0, generator()), images)
    assert not (salt_and_pepper(images, 1, generator()) == 100).any()


def test_gaussian_noise_has_mean_0_and_the_std_asked_for_in_each_channel():
    noise = gaussian_noise(gray(128), 20, generator()).astype(float) - 128
    np.testing.assert_allclose(noise.mean(axis=(0, 1, 2)), 0, atol=0.8)
    np.testing.assert_allclose(noise.std(axis=(0, 1, 2)), 20, rtol=0.03)
    correlation = np.corrcoef(noise.reshape(-1, 3).T)
    assert np.abs(correlation - np.eye(3)).max() < 0.05


def test_gaussian_noise_is_cut_off_and_does_not_wrap_round():
    dark, light = (gaussian_noise(gray(value), 20, generator()) for value in (0, 255))
    assert dark.max() < 128 < light.min()
    assert 0.45 < (dark == 0).mean() < 0.55 and 0.45 < (light == 255).mean() < 0.55


def test_noise_of_any_size_brings_no_warning():
    for std in (1e9, 1e39, 1e300):
        noisy = gaussian_noise(gray(100), std, generator())
        assert set(np.unique(noisy)) == {0, 255} and 126 < noisy.mean() < 129


@pytest.mark.parametrize("noise, amount",
                         [(salt_and_pepper, 0.3), (gaussian_noise, 30)])
def test_noise_comes_from_its_generator_alone(noise, amount):
    first, second, other = (noise(pictures(), amount, np.random.default_rng(seed))
                            for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, second)
    assert (first != other).any() and first.dtype == np.uint8


@pytest.mark.parametrize("size", [1, 3, 5])
def test_the_median_is_that_of_the_square_in_a_mirrored_picture(size):
    images, around = pictures(), range(-(size // 2), size // 2 + 1)
    filtered = median_filter(images, size)
    assert filtered.dtype == np.uint8 and filtered.shape == images.shape
    for p, q in itertools.product(range(6), range(5)):
        square = [mirrored(images, p + i, q + j) for i in around for j in around]
        np.testing.assert_array_equal(filtered[:, p, q], np.median(square, axis=0))


def test_the_median_removes_a_spoilt_pixel_anywhere_even_in_a_corner():
    for p, q in itertools.product(range(4), range(5)):
        images = gray(100, 2, 4, 5)
        images[1, p, q] = 255
        np.testing.assert_array_equal(median_filter(images), gray(100, 2, 4, 5))


def test_the_median_of_3_loses_a_line_of_one_pixel_and_keeps_one_of_two():
    images = gray(100, 2, 7, 8)
    images[0, :, 3] = 0
    images[1, :, 3:5] = 0
    filtered = median_filter(images)
    assert (filtered[0] == 100).all()
    np.testing.assert_array_equal(filtered[1], images[1])


@pytest.mark.parametrize("sigma", [0.4, 1, 1.2])
def test_the_gaussian_filter_is_the_weighted_mean_in_a_mirrored_picture(sigma):
    images, reach = pictures(), int(4 * sigma + 0.5)
    around = list(itertools.product(range(-reach, reach + 1), repeat=2))
    filtered = gaussian_filter(images, sigma)
    assert filtered.dtype == np.uint8 and filtered.shape == images.shape
    weight = {(i, j): exp(-(i * i + j * j) / (2 * sigma ** 2)) for i, j in around}
    for p, q in itertools.product(range(6), range(5)):
        mean = sum(weight[i, j] * mirrored(images, p + i, q + j) for i, j in around)
        mean /= sum(weight.values())
        assert np.abs(filtered[:, p, q] - mean).max() < 0.501


def test_the_gaussian_filter_spreads_a_spoilt_pixel_to_a_sixth_of_its_height():
    images = gray(0, 2, 11, 13)
    images[1, 5, 6] = 255
    filtered = gaussian_filter(images)
    assert not filtered[0].any()
    assert filtered[1, 5, 5:10, 0].tolist() == [25, 41, 25, 5, 0]    # 255 / 2π = 40.6
    assert filtered[1, 4, 5:10, 0].tolist() == [15, 25, 15, 3, 0]


def test_the_gaussian_filter_leaves_even_ground_as_it_is():
    for value in (0, 77, 255):
        np.testing.assert_array_equal(gaussian_filter(gray(value), 2.5), gray(value))


@pytest.mark.parametrize("denoise", [median_filter, gaussian_filter])
def test_a_filter_treats_each_picture_and_channel_by_itself(denoise):
    images = pictures(3)
    filtered = denoise(images)
    for n, c in itertools.product(range(3), range(3)):
        alone = np.repeat(images[n:n + 1, :, :, c:c + 1], 3, axis=-1)
        np.testing.assert_array_equal(filtered[n, :, :, c], denoise(alone)[0, :, :, 0])


def test_the_median_brings_pictures_back_from_salt_and_pepper():
    images = shapes.generate(generator(), 8).images
    spoilt = salt_and_pepper(images, 0.05, generator())

    def error(x):
        return np.abs(x.astype(float) - images).mean()

    assert error(median_filter(spoilt)) < 0.1 * error(spoilt)
    assert error(median_filter(spoilt)) < 0.1 * error(gaussian_filter(spoilt))


def test_a_command_chooses_noise_and_filter_by_name_and_number():
    images = pictures(h=9, w=8)
    for choice, expected in [
            ("salt-and-pepper:0.3", salt_and_pepper(images, 0.3, generator())),
            ("gaussian:25", gaussian_noise(images, 25, generator()))]:
        np.testing.assert_array_equal(add_noise(images, choice, generator()), expected)
    for choice, expected in [
            ("median", median_filter(images, 3)),
            ("median:5", median_filter(images, 5)),
            ("gaussian", gaussian_filter(images, 1)),
            ("gaussian:0.5", gaussian_filter(images, 0.5))]:
        np.testing.assert_array_equal(remove_noise(images, choice), expected)
