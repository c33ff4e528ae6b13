"""What texts, pictures in memory, noise and sets of questions refuse."""

import numpy as np

from numnet import data
from numnet.data import denoise, derived, examples, images, shapes, sort_of_clevr, text

rng = np.random.default_rng(0)
PICTURES = np.zeros((5, 4, 6, 3), np.uint8)
IMAGE = np.array([0, 1, 4])


def questions(images=PICTURES, image=IMAGE, question="abc", answer="xyz"):
    return data.Questions(images, image, list(question), list(answer))


MADE = questions()
TOKENIZER = text.Tokenizer(["a", "b", "c"])
NAMES = {**vars(images), **vars(denoise), **vars(data), **vars(text), "rng": rng,
         "questions": questions, "array": np.array, "ones": np.ones, "nan": np.nan,
         "inf": np.inf, "shapes": shapes, "clevr": sort_of_clevr, "derived": derived,
         "X": PICTURES, "I": IMAGE, "F": PICTURES / 255, "token": TOKENIZER,
         "MADE": MADE, "pairs": examples.Pairs(PICTURES[:2], ["a", "b"], TOKENIZER),
         "some": examples.Examples.of(MADE, TOKENIZER, ("x", "y", "z")),
         "scenes": sort_of_clevr.Scenes(rng, 2)}

TABLE = r"""
type  | split(None) | text must be a string, got NoneType
type  | split(b"red") | text must be a string, got bytes
type  | split(["red"]) | text must be a string, got list
value | Tokenizer(["red", "a", "red"]) | words must be distinct, got 'red' twice
value | Tokenizer(["Red"]) | words must be single words in lower case, got 'Red'
value | Tokenizer(["two words"]) | words must be single words in lower … got 'two words'
value | Tokenizer(["<pad>"]) | words must be single words in lower case, got '<pad>'
value | Tokenizer([""]) | words must be single words in lower case, got ''
type  | Tokenizer("red") | words must be strings, got 'red'
type  | Tokenizer(None) | words must be strings, got None
type  | Tokenizer([3]) | words must be strings, got [3]
value | Tokenizer.fit([]) | texts must not be empty
value | Tokenizer.fit(["a b", "c"], min_count=2) | texts must have a … got 3 rarer ones
value | Tokenizer.fit(["a"], min_count=0) | min_count must be at least 1, got 0
type  | Tokenizer.fit(["a"], min_count=1.5) | min_count must be a whole number, got 1.5
type  | Tokenizer.fit("a b") | texts must be a list of strings, got one string
type  | Tokenizer.fit(None) | texts must be a list of strings, got None
type  | Tokenizer.fit(["a", None]) | split: text must be a string, got NoneType
value | token.encode(["a", "b", "?!"]) | text 2 has no words, got '?!'
value | token.encode(["a", ""]) | text 1 has no words, got ''
value | token.encode([]) | texts must not be empty
type  | token.encode("a b") | texts must be a list of strings, got one string
type  | token.encode(["a", None]) | split: text must be a string, got NoneType
value | token.encode(["a"], length=0) | length must be at least 1, got 0
value | token.encode(["a"], length=-2) | length must be at least 1, got -2
type  | token.encode(["a"], length=2.0) | length must be a whole number, got 2.0
value | token.encode(["a"], side="middle") | side must be right or left, got 'middle'
value | token.encode(["a"], keep="all") | keep must be first or last, got 'all'
value | token.decode(array([[5, 2]])) | ids must be in 0..4, got 5
value | token.decode(array([[-1, 2]])) | ids must be in 0..4, got -1
value | token.decode(array([2, 3])) | ids must have axes (n, t), got (2,)
type  | token.decode(array([[2.0, 3]])) | ids must be an array of integers, got float64
type  | token.decode([[2, 3]]) | ids must be an array of integers, got list

type  | resize(F[0], 8) | image must be uint8 with axes (h, w, 3), got float64
value | resize(X[0, ..., 0], 8) | image must be uint8 with axes … got shape (4, 6)
value | resize(X, 8) | image must be uint8 with axes … got shape (5, 4, 6, 3)
value | resize(X[0], 0) | size must be at least 1, got 0
type  | resize(X[0], 8.0) | size must be a whole number, got 8.0
type  | to_float(F) | images must be uint8 with axes (..., h, w, 3), got float64
value | to_float(X[..., :2]) | images must be uint8 with axes … got shape (5, 4, 6, 2)
type  | prepare(F) | images must be uint8 with axes (n, h, w, 3), got float64
type  | prepare(X > 0) | images must be uint8 with axes (n, h, w, 3), got bool
type  | prepare([[1, 2]]) | images must be uint8 with axes (n, h, w, 3), got list
value | prepare(X[0]) | images must be uint8 with axes … got shape (4, 6, 3)
value | prepare(X[..., :1]) | images must be uint8 with axes … got shape (5, 4, 6, 1)
value | prepare(X[..., [0, 1, 2, 0]]) | images must be uint8 … got shape (5, 4, 6, 4)
value | prepare(X[:0]) | images must be uint8 with axes … got shape (0, 4, 6, 3)
value | prepare(X, factor=3) | downsample: factor must divide the picture's 4 x … got 3
value | downsample(F, 0) | factor must be at least 1, got 0
value | downsample(F, -2) | factor must be at least 1, got -2
value | downsample(F, 4) | factor must divide the picture's 4 x 6 pixels, got 4
type  | downsample(F, 2.0) | factor must be a whole number, got 2.0
value | downsample(F[0, 0], 2) | images must have axes (..., h, w … got shape (6, 3)
type  | downsample([[[1.0]]], 1) | images must be an array of real numbers, got list
type  | downsample(X > 0, 2) | images must be an array of real numbers, got bool
type  | standardize(X) | images must be an array of floats, got uint8
type  | standardize([1.0]) | images must be an array of floats, got list
value | standardize(F[:0]) | images must have axes (..., h, w … got shape (0, 4, 6, 3)
value | standardize(F, ones(1)) | mean must have one number for each of 3 … got (1,)
value | standardize(F, None, 1.0) | std must have one number for each of 3 … got ()
value | standardize(F, ones(3), -ones(3)) | std must be 0 or more, got [-1. -1. -1.]
value | standardize(F, ones(3), ones(3) * nan) | std must be 0 or … got [nan nan nan]

value | salt_and_pepper(X, -0.1, rng) | share must be in 0..1, got -0.1
value | salt_and_pepper(X, 5, rng) | share must be in 0..1, got 5
value | salt_and_pepper(X, nan, rng) | share must be in 0..1, got nan
type  | salt_and_pepper(X, "1", rng) | share must be a real number, got '1'
value | gaussian_noise(X, -1, rng) | std must be 0 or more, got -1
value | gaussian_noise(X, nan, rng) | std must be 0 or more, got nan
value | gaussian_noise(X, inf, rng) | std must be 0 or more, got inf
type  | gaussian_noise(X, None, rng) | std must be a real number, got None
value | median_filter(X, 4) | size must be odd, got 4
value | median_filter(X, -1) | size must be at least 1, got -1
type  | median_filter(X, 3.0) | size must be a whole number, got 3.0
value | median_filter(X, 13) | the filter reaches 6 pixels … but the images have 4 x 6
value | gaussian_filter(X, 0) | sigma must be above 0, got 0
value | gaussian_filter(X, 2) | the filter reaches 8 pixels … but the images have 4 x 6
value | gaussian_filter(X, 1e308) | the filter reaches … but the images have 4 x 6
type  | gaussian_filter(X, "1") | sigma must be a real number, got '1'
value | add_noise(X, "pepper:0.1", rng) | noise: must be one of … got 'pepper'
value | add_noise(X, "gaussian", rng) | noise: gaussian needs a number, as in …
value | add_noise(X, "gaussian:x", rng) | noise: gaussian needs a number, got 'x'
value | add_noise(X, "salt-and-pepper:5", rng) | salt_and_pepper: share must … got 5.0
type  | add_noise(X, 0.1, rng) | noise: must be a name and a number, as in … got float
value | remove_noise(X, "mean") | denoise: must be one of median, gaussian, got 'mean'
value | remove_noise(X, "median:") | denoise: median needs a number, got ''
value | remove_noise(X, "median:2.5") | denoise: median needs a number, got '2.5'
type  | salt_and_pepper(F, 0.1, rng) | images must be uint8 with axes … got float64
value | salt_and_pepper(X[0], 0.1, rng) | images must be uint8 … got shape (4, 6, 3)
type  | gaussian_noise(X, 9, 0) | rng must be a NumPy Generator, got int
type  | salt_and_pepper(X, 0.5, None) | rng must be a NumPy Generator, got NoneType
type  | gaussian_noise(None, 9, rng) | images must be uint8 with axes … got NoneType
value | gaussian_noise(X[:0], 9, rng) | images must be uint8 … got shape (0, 4, 6, 3)
type  | median_filter(F) | images must be uint8 with axes (n, h, w, 3), got float64
value | median_filter(X[..., :2]) | images must be uint8 with … got shape (5, 4, 6, 2)
type  | gaussian_filter(F) | images must be uint8 with axes (n, h, w, 3), got float64
value | gaussian_filter(X[0]) | images must be uint8 with axes … got shape (4, 6, 3)

type  | questions(images=F) | Questions: images must be a uint8 array with … got float64
type  | questions(images=[1, 2]) | Questions: images must be a uint8 array … got list
value | questions(images=X[0]) | Questions: images must be a … got shape (4, 6, 3)
value | questions(images=X[..., :1]) | Questions: images must … got shape (5, 4, 6, 1)
value | questions(images=X[:0]) | Questions: images must have … got shape (0, 4, 6, 3)
type  | questions(image=I.astype("i4")) | Questions: image must be a int64 … got int32
value | questions(image=I[:, None]) | Questions: image must be a … got shape (3, 1)
value | questions(image=I + 1) | Questions: image must be in 0..4, got 1..5
value | questions(image=I - 1) | Questions: image must be in 0..4, got -1..3
value | questions(image=I[:2]) | Questions: image is … got 3 questions and 3 answers
value | questions(question="ab") | Questions: image is … got 2 questions and 3 answers
value | questions(answer="wxyz") | Questions: image is … got 3 questions and 4 answers
type  | questions(answer=[None] * 3) | Questions: answer must be a list of strings
type  | Questions(X, I, "abc", list("xyz")) | question must be a list of strings
value | MADE.of_images([5]) | images must be in 0..4, got 5
value | MADE.of_images([-1]) | images must be in 0..4, got -1
value | MADE.of_images([2, 2]) | images names a picture twice
type  | MADE.of_images([0.0]) | images must be an array of integers, got float64
value | MADE.of_images([[0, 1]]) | images must have shape (2,), got (1, 2)
value | split_by_image(MADE, 0, rng) | fraction must be between 0 and 1, of … got 0 of 5
value | split_by_image(MADE, 1, rng) | fraction must be between 0 and 1, of … got 1 of 5
value | split_by_image(MADE, nan, rng) | fraction must be between 0 and … got nan of 5
type  | split_by_image(MADE, 0.5, 0) | rng must be a NumPy Generator, got int
type  | split_by_image(MADE, "half", rng) | fraction must be a real number, got 'half'
value | load("vqa") | name must be one of easy-vqa, shapes, glyphs, … got 'vqa'
value | load("shapes", seed=-1) | seed must be at least 0, got -1
type  | load("shapes", seed=0.5) | seed must be a whole number, got 0.5
value | shapes.generate(rng, 0) | images must be at least 1, got 0
type  | shapes.generate(0, 2) | rng must be a NumPy Generator, got int
type  | shapes.generate(rng, 2.0) | images must be a whole number, got 2.0
type  | derived.measure(F) | images must be uint8 with axes (m, h, w, 3), got float64
value | some.batches(0) | size must be at least 1, got 0
value | some.rows([5]) | images must be in 0..4, got 5
value | some.batch([-1]) | rows: images must be in 0..4, got -1
value | pairs.batches(0) | size must be at least 1, got 0
value | pairs.batch([2]) | images must be in 0..1, got 2
value | pairs.batch([-1]) | images must be in 0..1, got -1
value | scenes.batches(-1) | size must be at least 1, got -1
type  | some.batch([0.5]) | rows: images must be an array of integers, got float64
value | clevr.generate(rng, 0) | pictures must be at least 1, got 0
type  | clevr.Scenes(None, 2) | generate: rng must be a NumPy … got NoneType
type  | clevr.generate(rng, 1.5) | pictures must be a whole number, got 1.5
value | clevr.FreshScenes(0) | steps must be at least 1, got 0
value | clevr.accuracies(scenes.label[:, :35], scenes.label[:, :35]) | label must …
value | clevr.accuracies(scenes.label[:1], scenes.label) | predicted must … got (1, 36)
"""
