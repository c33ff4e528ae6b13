import numpy as np
import pytest

from numnet.data.images import (downsample, prepare, read, resize, standardize,
                                to_float)

Image = pytest.importorskip("PIL.Image")              # comes with matplotlib
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)


def save(path, pixels=PIXELS, **options):
    Image.fromarray(pixels).save(path, **options)
    return path


def test_a_png_is_read_exactly(tmp_path):
    picture = read(save(tmp_path / "é.png"))
    assert picture.dtype == np.uint8 and (picture == PIXELS).all()
    picture[0, 0] = 0                                 # and may be written to


def test_a_jpeg_is_read_nearly(tmp_path):
    flat = np.full((9, 6, 3), (200, 100, 50), np.uint8)
    picture = read(save(tmp_path / "a.jpg", flat, quality=95))
    assert picture.shape == (9, 6, 3) and np.abs(picture - flat.astype(int)).max() < 5


def test_the_kind_is_told_by_the_content_not_by_the_name(tmp_path):
    save(tmp_path / "a.txt", format="PNG")
    assert (read(tmp_path / "a.txt") == PIXELS).all()
    for kind in "GIF", "BMP", "TIFF":
        with pytest.raises(ValueError, match="a.png is not a whole PNG or JPEG"):
            read(save(tmp_path / "a.png", format=kind))


def test_gray_becomes_three_equal_channels(tmp_path):
    picture = read(save(tmp_path / "a.png", PIXELS[..., 0]))
    assert picture.shape == (5, 7, 3) and (picture == PIXELS[..., :1]).all()


def test_what_is_transparent_shows_white(tmp_path):
    alpha = np.full((5, 7, 1), 255, np.uint8)
    alpha[2:] = 0
    picture = read(save(tmp_path / "a.png", np.concatenate([PIXELS, alpha], axis=2)))
    assert (picture[:2] == PIXELS[:2]).all() and (picture[2:] == 255).all()
    half = np.zeros((5, 7, 4), np.uint8) + np.array([0, 0, 0, 51], np.uint8)
    assert (read(save(tmp_path / "a.png", half)) == 204).all()


def test_a_palette_becomes_its_colours(tmp_path):
    picture = Image.new("P", (7, 5), 1)
    picture.putpalette([9, 8, 7, 200, 100, 50])
    picture.save(tmp_path / "a.png")
    assert (read(tmp_path / "a.png") == [200, 100, 50]).all()
    picture.save(tmp_path / "b.png", transparency=1)
    assert (read(tmp_path / "b.png") == 255).all()


def test_a_cameras_rotation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6                                  # hold it turned right
    picture = read(save(tmp_path / "a.png", exif=exif))
    assert (picture == np.rot90(PIXELS, -1)).all()


def test_one_pixel_is_a_picture(tmp_path):
    assert (read(save(tmp_path / "a.png", PIXELS[:1, :1])) == PIXELS[:1, :1]).all()


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.9])
def test_a_truncated_picture_is_refused(name, share, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (50, 40, 3)).astype(np.uint8)
    path = save(tmp_path / name, noise)
    data = path.read_bytes()
    path.write_bytes(data[:int(share * len(data))])
    with pytest.raises(ValueError, match=f"read: .*{name} is not a whole PNG or JPEG"):
        read(path)


def test_a_missing_picture_is_named(tmp_path):
    for path in tmp_path / "b.png", tmp_path:
        with pytest.raises(FileNotFoundError, match="there is no picture"):
            read(path)


@pytest.mark.parametrize("h, w", [(40, 20), (10, 30), (3, 2), (500, 1)])
def test_a_plain_picture_of_any_shape_becomes_a_plain_square(h, w):
    square = resize(np.full((h, w, 3), (9, 99, 199), np.uint8), 8)
    assert square.shape == (8, 8, 3) and (square == [9, 99, 199]).all()


@pytest.mark.parametrize("h, w, rows, columns", [
    (40, 20, slice(0, 8), slice(2, 6)), (10, 30, slice(2, 5), slice(0, 8))])
def test_resizing_goes_on_with_the_border_on_both_sides(h, w, rows, columns):
    dark = np.full((h, w, 3), 250, np.uint8)
    dark[h // 4: h - h // 4, w // 4: w - w // 4] = 0
    outside = np.ones((8, 8), bool)
    outside[rows, columns] = False
    square = resize(dark, 8)
    assert (square[outside] == 250).all() and square.min() < 60


def test_a_circle_stays_a_circle():
    y, x = np.ogrid[:60, :90]
    disc = np.where((y - 30) ** 2 + (x - 45) ** 2 < 20 ** 2, 0, 255).astype(np.uint8)
    dark = resize(np.repeat(disc[..., None], 3, axis=2), 45)[..., 0] < 128
    assert dark.any(0).sum() == dark.any(1).sum() >= 19


def test_a_picture_of_the_right_size_stays_as_it_is():
    square = PIXELS[:5, :5]
    assert (resize(square, 5) == square).all()


def test_shrinking_skips_no_pixel():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::4] = 200
    assert np.abs(resize(stripes, 8).astype(int) - 50).max() < 15


def test_bytes_become_shares_of_full_light():
    x = to_float(np.stack([PIXELS, 255 - PIXELS]))
    assert x.dtype == np.float32 and x.shape == (2, 5, 7, 3)
    np.testing.assert_allclose(x[0] + x[1], 1, rtol=1e-6)
    np.testing.assert_allclose(x[0], PIXELS / 255, rtol=1e-6)


def test_downsampling_takes_the_mean_of_each_block():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3)).astype(np.uint8)
    small = downsample(images, 2)
    assert small.shape == (2, 2, 3, 3) and small.dtype == np.float32
    for p in range(2):
        for q in range(3):
            block = images[:, 2 * p:2 * p + 2, 2 * q:2 * q + 2].astype(float)
            np.testing.assert_allclose(small[:, p, q], block.mean(axis=(1, 2)))
    assert downsample(images[0] / 255, 2).dtype == np.float64
    assert (downsample(images, 1) == images).all()


def test_standardized_channels_have_mean_0_and_deviation_1():
    images = np.random.default_rng(0).normal(3, 5, (4, 6, 5, 3))
    images[..., 1] = 0.3
    x, mean, std = standardize(images)
    np.testing.assert_allclose(x.mean(axis=(0, 1, 2)), 0, atol=1e-12)
    np.testing.assert_allclose(x.std(axis=(0, 1, 2)), [1, 0, 1], atol=1e-12)
    again, *_ = standardize(images[:2], mean, std)
    np.testing.assert_allclose(again, x[:2])
    assert standardize(images.astype(np.float32))[0].dtype == np.float32


def test_prepared_pictures_are_inverted_means_with_channels_first():
    images = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3)).astype(np.uint8)
    x = prepare(images)
    assert x.shape == (2, 3, 2, 3) and x.dtype == np.float32
    for n, c, p, q in np.ndindex(x.shape):
        block = images[n, 2 * p:2 * p + 2, 2 * q:2 * q + 2, c]
        assert abs(x[n, c, p, q] - (1 - block.mean() / 255)) < 1e-6
    assert (prepare(np.full((2, 4, 6, 3), 255, np.uint8)) == 0).all()


def test_prepared_pictures_lie_channels_last_in_memory():
    x = prepare(np.zeros((2, 8, 12, 3), np.uint8), factor=4)
    assert x.shape == (2, 3, 2, 3) and x.transpose(0, 2, 3, 1).flags.c_contiguous
